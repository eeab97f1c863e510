"""The simulated OpenID Connect issuer."""
