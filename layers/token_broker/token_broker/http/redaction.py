"""Redact a provider's text, so that it is printable, short and free of secrets."""

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MESSAGE_LIMIT = 200
REDACTED = "[redacted]"
#: A shorter value can occur in any sentence, and is not a secret.
MIN_SECRET_LENGTH = 4

# Known formats come first (Shopify's and Fourthwall's prefixes, JWTs), and then any long text without a space. Messages
# for people contain no such word, and most credentials are one.
_LOOKS_SECRET = re.compile(
    r"shp[a-z]{2}_\w+|ptkn_\w+|eyJ[\w-]+(?:\.[\w-]+)*|(?:Basic|Bearer)\s+\S+|[0-9a-fA-F]{20,}|[A-Za-z0-9+/=_\-.]{32,}"
)
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/]))')


def printable(text: str) -> str:
    """Return the text on one line, with spaces in place of unprintable characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _spellings(secret: str) -> tuple[str, ...]:
    """Return the secret, and its encodings in a URL, a form, JSON and a Basic header."""
    encoded = base64.b64encode(secret.encode()).decode()
    return (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded, encoded.rstrip("="))


def _readings(text: str) -> tuple[str, ...]:
    """Return the text, and the text without percent-encoding, HTML entities or JSON escapes."""
    unescaped = _JSON_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else escape[2], text)
    return (text, unquote(text), unquote_plus(text), html.unescape(text), unescaped)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without `secrets` and without anything that looks like a secret.

    The result is printable and has at most 200 characters. If a secret remains in an unknown encoding, the result is
    only the placeholder.
    """
    secrets = tuple(secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH)
    # The longest comes first, because one secret can be a part of another one.
    spellings = {form for secret in secrets for form in _spellings(secret)}
    for form in sorted(spellings, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    text = printable(text)
    if any(secret.casefold() in read.casefold() for secret in secrets for read in _readings(text)):
        return REDACTED
    text = _LOOKS_SECRET.sub(REDACTED, text)
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
