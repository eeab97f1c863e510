"""Talk HTTP to providers."""
