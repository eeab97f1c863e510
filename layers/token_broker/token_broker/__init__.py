"""Token Broker: issues, stores, serves and revokes the public tokens that merchants' secrets can buy."""

__version__ = "0.1.0"
