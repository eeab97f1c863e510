"""Talk to Fourthwall."""
