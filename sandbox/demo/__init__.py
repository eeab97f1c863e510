"""`make demo`: every operation against the local stack, shown as a person would want to see it."""
