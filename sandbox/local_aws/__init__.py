"""The emulated AWS: its process, its clients, and the corrections that make it behave like AWS."""
