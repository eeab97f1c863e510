"""Talk to ChicksX."""
