"""The simulated Fourthwall."""
