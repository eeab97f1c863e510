"""Talk to Shopify."""
