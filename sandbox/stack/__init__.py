"""Run the local stack: the real template on an emulated AWS, beside the provider simulators. See README.md."""
