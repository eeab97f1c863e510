"""The simulated ChicksX."""
