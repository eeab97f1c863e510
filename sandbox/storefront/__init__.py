"""The demo storefront: a page that asks the API for its three public tokens, and the merchant's backend beside it."""
