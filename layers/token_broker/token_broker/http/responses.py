"""Reading what a provider answered: each value is checked before it is believed. Nothing of an answer is quoted."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from token_broker.domain.token import ProviderToken
from token_broker.errors import ProviderFailure
from token_broker.http.client import HttpResponse, error_from_status, malformed_response
from token_broker.http.redaction import REDACTED, redact

#: The longest token that is believed: an HTTP header of a browser or a CDN has no room for a longer one.
TOKEN_LIMIT = 8192
TEXT_LIMIT = 1024
#: Beyond the year 30,000, also in milliseconds; DynamoDB keeps 38 digits at the most.
SECONDS_LIMIT = 10**15
#: A value of fewer characters can stand in another member by chance.
MIN_VALUE_LENGTH = 8


def require_object(data: Any, name: str) -> Mapping[str, Any]:
    """The object under a name. Raises `ProviderError`."""
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise malformed_response(f"it has no object '{name}'")
    return value


def token_value(data: Mapping[str, Any], name: str) -> str:
    """A token: visible ASCII, and short enough to be sent in a header. Raises `ProviderError`."""
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TOKEN_LIMIT:
        raise malformed_response(f"'{name}' is not a token")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise malformed_response(f"'{name}' holds characters that a token cannot have")
    return value


def optional_text(data: Mapping[str, Any], name: str, *, longest: int = TEXT_LIMIT) -> str | None:
    """A short printable text; None where there is none, or an empty one. Raises `ProviderError`."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise malformed_response(f"'{name}' is not a short text")
    return value or None


def optional_seconds(data: Mapping[str, Any], name: str) -> int | None:
    """A whole number above zero, or None where there is none. Raises `ProviderError`."""
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < SECONDS_LIMIT:
        raise malformed_response(f"'{name}' is not a number of seconds")
    return value


def expiry(data: Mapping[str, Any], now: float, *, longest: int) -> int | None:
    """`expiresAt` in Unix seconds, else now + `expiresIn`, else None.

    One that has passed, or lies further ahead than `longest` seconds (milliseconds do), is a `ProviderError`.
    """
    ends, lasts = optional_seconds(data, "expiresAt"), optional_seconds(data, "expiresIn")
    if ends is None:
        ends = None if lasts is None else int(now) + lasts
    if ends is None:
        return None
    if ends <= now:
        raise malformed_response("'expiresAt' has passed already")
    if ends > now + longest:
        raise malformed_response("'expiresAt' is too far ahead to be Unix seconds")
    return ends


def reject_leaked_credentials(minted: ProviderToken, secrets: tuple[str, ...]) -> ProviderToken:
    """The token, where a value stands in no member but its own: ids and names are stored, logged and shown to others.

    In a title, which is anybody's text, it is blotted out. Raises `ProviderError`, also for a token that is one of the
    merchant's secrets: those are never handed out.
    """
    if minted.access_token in secrets:
        raise malformed_response("the token is one of the merchant's own secrets")
    values = [value for value in (minted.access_token, *secrets) if len(value) >= MIN_VALUE_LENGTH]
    named = (minted.token_id, minted.token_type, *minted.scope, *map(str, minted.provider_data.values()))
    if any(value.casefold() in text.casefold() for value in values for text in named):
        raise malformed_response("it repeats a credential where a name should be")
    if minted.title is None:
        return minted
    title = minted.title
    for value in values:
        title = re.sub(re.escape(value), REDACTED, title, flags=re.IGNORECASE)
    return minted if title == minted.title else replace(minted, title=title[:TEXT_LIMIT])


def error_from(response: HttpResponse, secrets: tuple[str, ...]) -> ProviderFailure:
    """The error for a body of the shape `{"code": …, "message": …}`; either may be missing."""
    said = response.json()
    words = {
        name: redact(value, secrets)
        for name in ("code", "message")
        if isinstance(said, dict) and isinstance(value := said.get(name), str)
    }
    return error_from_status(response, code=words.get("code"), message=words.get("message"))
