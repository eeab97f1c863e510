"""Translate a Lambda event into a call, and the result into a response."""
