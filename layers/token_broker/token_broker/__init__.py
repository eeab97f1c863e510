"""Issue, store, rotate and revoke the public tokens of commerce providers."""

__version__ = "0.1.0"
