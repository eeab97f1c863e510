"""Define what the product needs from outside. `aws` and `providers` have the adapters."""
