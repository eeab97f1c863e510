"""What may be repeated of a provider's words: printable, short, and with nothing in it that could be a secret."""

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MESSAGE_LIMIT = 200
REDACTED = "[redacted]"
#: A value of fewer characters is in every sentence, and no secret.
MIN_SECRET_LENGTH = 4

# Known shapes first (Shopify's and Fourthwall's prefixes, a JWT), then whatever is long and without a blank: a message
# for people has no such word, a credential nearly always is one.
_LOOKS_SECRET = re.compile(
    r"shp[a-z]{2}_\w+|ptkn_\w+|eyJ[\w-]+(?:\.[\w-]+)*|(?:Basic|Bearer)\s+\S+|[0-9a-fA-F]{20,}|[A-Za-z0-9+/=_\-.]{32,}"
)
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/]))')


def printable(text: str) -> str:
    """The text on one line, with control and other unprintable characters as blanks."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _spellings(secret: str) -> tuple[str, ...]:
    """A secret as it is, and as it looks when a provider quotes a URL, a form, JSON or a Basic header back."""
    encoded = base64.b64encode(secret.encode()).decode()
    return (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded, encoded.rstrip("="))


def _readings(text: str) -> tuple[str, ...]:
    """What a text says to somebody who undoes percent-encoding, HTML's entities, or JSON's escapes."""
    unescaped = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return (text, unquote(text), unquote_plus(text), html.unescape(text), unescaped)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text as it may be shown: printable, no secret of `secrets`, nothing of a secret's shape, 200 characters."""
    secrets = tuple(secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH)
    # Longest first, so that a secret which is part of another leaves no rest of it behind.
    spellings = {form for secret in secrets for form in _spellings(secret)}
    for form in sorted(spellings, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    text = printable(text)
    if any(secret.casefold() in read.casefold() for secret in secrets for read in _readings(text)):
        return REDACTED  # in a spelling that is none of ours: nothing around it is worth the risk
    text = _LOOKS_SECRET.sub(REDACTED, text)
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
