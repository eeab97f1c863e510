"""Run the product on one machine: provider simulators, the local stack and the demo. It is never deployed."""
