"""What may be repeated of a provider's words: printable, short, and with nothing in it that could be a secret."""

import re
from collections.abc import Iterable

MESSAGE_LIMIT = 200
REDACTED = "[redacted]"

# Known shapes first (Shopify's and Fourthwall's prefixes, a JWT), then whatever is long and without a blank: a message
# for people has no such word, a credential nearly always is one.
_LOOKS_SECRET = re.compile(
    r"shp[a-z]{2}_\w+|ptkn_\w+|eyJ[\w-]+(?:\.[\w-]+)*|(?:Basic|Bearer)\s+\S+|[0-9a-fA-F]{20,}|[A-Za-z0-9+/=_\-.]{32,}"
)


def printable(text: str) -> str:
    """The text on one line, with control and other unprintable characters as blanks."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text as it may be shown: printable, no secret of `secrets`, nothing of a secret's shape, 200 characters."""
    # Longest first, so that a secret which is part of another leaves no rest of it behind.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    text = _LOOKS_SECRET.sub(REDACTED, printable(text))
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
