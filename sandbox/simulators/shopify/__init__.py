"""The simulated Shopify."""
