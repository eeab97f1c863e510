"""Hold plain data and rules. Nothing here reads or writes anything."""
