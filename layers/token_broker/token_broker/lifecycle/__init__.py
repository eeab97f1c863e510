"""Change tokens later: rotate, reconcile, and finish pending work."""
