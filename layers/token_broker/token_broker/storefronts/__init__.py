"""Decide which pages and apps get a token."""
