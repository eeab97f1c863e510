"""Shopify's shop domains: the only hosts to which a merchant's Shopify secret may ever be sent."""

import re

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")


def shop_domain(text: str) -> str | None:
    """`{shop}.myshopify.com` in lower case, or None for anything else.

    A scheme, a slash at the end, blanks and capitals are forgiven, as Shopify's own clients forgive them.
    """
    host = text.strip().lower().removeprefix("https://").removeprefix("http://").removesuffix("/")
    # A letter of another script can become one of ours in lower case: the Kelvin sign is a k.
    return host if text.isascii() and _SHOP.fullmatch(host) else None
