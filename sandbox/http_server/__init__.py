"""A small HTTP server on loopback that can inject faults. The simulators, the fault proxy and the storefront use it."""
