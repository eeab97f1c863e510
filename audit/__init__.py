"""Check the stack by rules that others wrote, and list what it ships. docs/decisions/0029 says why."""
