"""Find the function's credentials as botocore does, in the environment or at the container endpoint.

Every other source is left to botocore. Under SnapStart, Lambda serves credentials at a container endpoint on loopback
(https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html).
"""

import json
import os
import time
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from token_broker.aws.fast_reads.connection import Connection, Failed

#: Seconds for a request to the endpoint, which is on the same machine.
TIME_LIMIT = 1.0
#: Seconds before their end at which new credentials are fetched, as in botocore.
RENEWED_BEFORE = 15 * 60.0

_MEMBERS = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
_LOOPBACK = ("127.0.0.1", "localhost")


class Credentials(NamedTuple):
    """Hold one set of credentials, which is never shown. Without `token`, they are those of a user."""

    key_id: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        """Show nothing."""
        return "Credentials(…)"


class CredentialSource:
    """Return the current credentials. Those of the endpoint are kept until shortly before their end."""

    def __init__(self) -> None:
        self._fetched: Credentials | None = None
        self._ends_at = 0.0

    def current(self) -> Credentials | None:
        """Return the credentials, or None if botocore has to find them. Raises `Failed` or `OSError`."""
        key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if key_id:
            return Credentials(key_id, secret, os.environ.get("AWS_SESSION_TOKEN", "")) if secret else None
        address = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not address:
            return None
        if self._fetched is None or time.time() > self._ends_at - RENEWED_BEFORE:
            self._fetched, self._ends_at = _fetch(address)
        return self._fetched


def _fetch(address: str) -> tuple[Credentials, float]:
    url = urlsplit(address)
    if url.scheme != "http" or url.hostname not in _LOOPBACK:
        raise Failed("credentials_elsewhere")
    authorization = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    path = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
    lines = [f"GET {path} HTTP/1.1", f"Host: {url.netloc}", "Accept: application/json", "Connection: close"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise Failed("credentials_malformed")
    until = time.monotonic() + TIME_LIMIT
    connection = Connection(url.hostname, url.port or 80, None, until)
    try:
        answer = connection.exchange("\r\n".join([*lines, "\r\n"]).encode(), until)
    finally:
        connection.close()
    return _parsed(json.loads(answer))


def _parsed(members: Any) -> tuple[Credentials, float]:
    """Return the credentials and their end in Unix seconds. Raises `Failed`."""
    try:
        key_id, secret, token, end = (members[name] for name in _MEMBERS)
        ends_at = datetime.fromisoformat(end).timestamp()
    except (KeyError, TypeError, ValueError):
        raise Failed("credentials_malformed") from None
    if not all(isinstance(each, str) and each for each in (key_id, secret, token)):
        raise Failed("credentials_malformed")
    return Credentials(key_id, secret, token), ends_at
