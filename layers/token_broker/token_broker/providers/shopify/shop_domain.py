"""Check Shopify's shop domains, the only hosts to which a merchant's Shopify secret may be sent."""

import re

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")


def shop_domain(text: str) -> str | None:
    """Return `{shop}.myshopify.com` in lower case, or None for any other text.

    A scheme, a slash at the end, surrounding spaces and capital letters are accepted, as in Shopify's own clients.
    """
    host = text.strip().lower().removeprefix("https://").removeprefix("http://").removesuffix("/")
    # The text must be ASCII, because a letter of another script can become ASCII in lower case. The Kelvin sign does.
    return host if text.isascii() and _SHOP.fullmatch(host) else None
