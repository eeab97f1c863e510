"""Programs that others wrote and that the tests hold ours against, each in a process of its own on a loopback port."""
