"""Decide who gets which token: issue, mint, list and revoke."""
