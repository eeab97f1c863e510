"""Read and check the values of a provider's response. Errors never quote the response."""

import re
from collections.abc import Mapping
from copy import replace
from typing import Any

from token_broker.domain.token import ProviderToken
from token_broker.errors import ProviderReply
from token_broker.http.client import HttpResponse, malformed_response
from token_broker.http.redaction import REDACTED, redact

#: The longest token that is accepted. The HTTP headers of browsers and CDNs have no room for a longer one.
TOKEN_LIMIT = 8192
TEXT_LIMIT = 1024
#: Later than the year 30,000, even in milliseconds. DynamoDB stores at most 38 digits.
SECONDS_LIMIT = 10**15
#: A shorter value can occur in another field by chance.
MIN_VALUE_LENGTH = 8


def require_object(data: Any, name: str) -> Mapping[str, Any]:
    """Return the object in a field. Raises `ProviderError` if there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise malformed_response(f"it has no object '{name}'")
    return value


def token_value(data: Mapping[str, Any], name: str) -> str:
    """Return a token of visible ASCII that is short enough for a header. Raises `ProviderError`."""
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TOKEN_LIMIT:
        raise malformed_response(f"'{name}' is not a token")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise malformed_response(f"'{name}' contains characters that a token cannot have")
    return value


def optional_text(data: Mapping[str, Any], name: str, *, longest: int = TEXT_LIMIT) -> str | None:
    """Return a short printable text, or None if it is missing or empty. Raises `ProviderError`."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise malformed_response(f"'{name}' is not a short text")
    return value or None


def optional_seconds(data: Mapping[str, Any], name: str) -> int | None:
    """Return a positive whole number, or None if it is missing. Raises `ProviderError`."""
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < SECONDS_LIMIT:
        raise malformed_response(f"'{name}' is not a number of seconds")
    return value


def expiry(data: Mapping[str, Any], now: float, *, longest: int) -> int | None:
    """Return `expiresAt` in Unix seconds, or `now` plus `expiresIn`, or None if both are missing.

    Raises `ProviderError` if the expiry has passed or is more than `longest` seconds ahead. A time in milliseconds is.
    """
    expires_at, expires_in = optional_seconds(data, "expiresAt"), optional_seconds(data, "expiresIn")
    if expires_at is None:
        expires_at = None if expires_in is None else int(now) + expires_in
    if expires_at is None:
        return None
    if expires_at <= now:
        raise malformed_response("'expiresAt' has passed already")
    if expires_at > now + longest:
        raise malformed_response("'expiresAt' is too far ahead to be Unix seconds")
    return expires_at


def reject_leaked_credentials(minted: ProviderToken, secrets: tuple[str, ...]) -> ProviderToken:
    """Return the token if none of its other fields contains its value or one of `secrets`.

    The other fields are stored, logged and shown. A title can have any text, and the values in it are redacted. Raises
    `ProviderError` if another field contains a value, or if the token is itself one of the secrets.
    """
    if minted.access_token in secrets:
        raise malformed_response("the token is one of the merchant's own secrets")
    values = [value for value in (minted.access_token, *secrets) if len(value) >= MIN_VALUE_LENGTH]
    named = (minted.token_id, minted.token_type, *minted.scope, *map(str, minted.provider_data.values()))
    if any(value.casefold() in text.casefold() for value in values for text in named):
        raise malformed_response("it contains a credential in place of a name")
    if minted.title is None:
        return minted
    title = minted.title
    for value in values:
        title = re.sub(re.escape(value), REDACTED, title, flags=re.IGNORECASE)
    return minted if title == minted.title else replace(minted, title=title[:TEXT_LIMIT])


def reply_of(
    response: HttpResponse, secrets: tuple[str, ...], *, code: str = "code", message: str = "message"
) -> ProviderReply:
    """Return an error's status and redacted texts. `code` and `message` are the body's members, both optional."""
    body = response.json()
    texts = [body.get(name) if isinstance(body, dict) else None for name in (code, message)]
    return ProviderReply(response.status, *(redact(each, secrets) if isinstance(each, str) else None for each in texts))
