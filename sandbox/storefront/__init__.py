"""Serve the demo storefront: a page that requests its three public tokens from the API, and the merchant's backend."""
