"""The local stack: the real template on an emulated AWS, beside the providers' simulators. See README.md."""
