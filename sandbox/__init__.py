"""What runs the product on one machine: provider simulators, the local stack and the demo. Never deployed."""
