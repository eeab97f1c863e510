"""Send requests that the client does not send: malformed, unsigned, signed for something else, or a page's.

Every byte is the test's. No HTTP library puts a path in order, or refuses a header.
"""

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.structures import CaseInsensitiveDict

from sandbox.local_stack import TIMEOUT_SECONDS, Stack
from tests.e2e.support.responses import observe
from token_broker_client.connections import HttpAnswer

type Octets = str | bytes
type Headers = Sequence[tuple[Octets, Octets]]


def exchange(stack: Stack, method: str, path: Octets, headers: Headers = (), body: bytes = b"") -> requests.Response:
    """Send one request, and return its response. The path follows `apiUrl`. Only Host and Connection are added.

    Raises `ConnectionError` if the server closes the connection without a response.
    """
    address = urlsplit(stack.api_url)
    lines = [
        f"{method} {address.path}".encode() + _octets(path) + b" HTTP/1.1",
        f"Host: {address.netloc}".encode(),
        b"Connection: close",
        *(_octets(name) + b": " + _octets(value) for name, value in headers),
    ]
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        came = http.client.HTTPResponse(connection, method=method)
        came.begin()
        response = requests.Response()
        response.status_code = came.status
        response.headers = CaseInsensitiveDict(came.getheaders())
        response._content = came.read()  # noqa: SLF001
        observe(
            method,
            str(path),
            HttpAnswer(came.status, {name.lower(): value for name, value in came.getheaders()}, response.content),
        )
        return response


@dataclass(frozen=True)
class Signed:
    """Hold headers that were signed for one request. `send` can put them on another one."""

    stack: Stack
    headers: Mapping[str, str]

    def send(self, method: str, path: str, body: bytes | None = None) -> requests.Response:
        """Send the headers with a path after `apiUrl`."""
        headers = [(name, value.encode("latin-1")) for name, value in self.headers.items()]
        if body is not None:
            headers.append(("Content-Length", str(len(body)).encode()))
        return exchange(self.stack, method, path, headers, body or b"")


def sign(
    stack: Stack,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    credentials: Credentials | None = None,
    headers: Mapping[str, str] | None = None,
) -> Signed:
    """Sign a request with these credentials, or as the account's administrator."""
    request = AWSRequest(method, stack.api_url + path, headers=_with_type(headers, body), data=body)
    SigV4Auth(credentials or stack.credentials(), "execute-api", stack.described["region"]).add_auth(request)
    return Signed(stack, dict(request.headers.items()))


def send(
    stack: Stack,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
) -> requests.Response:
    """Send a signed request. A body that is not bytes is sent as JSON."""
    data = _data(body)
    return sign(stack, method, path, data, credentials=credentials, headers=headers).send(method, path, data)


def send_unsigned(
    stack: Stack, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> requests.Response:
    """Send a request as a stranger or a page does. A body that is not bytes is sent as JSON."""
    data = _data(body)
    return Signed(stack, _with_type(headers, data)).send(method, path, data)


def _data(body: object) -> bytes | None:
    return body if isinstance(body, bytes) or body is None else json.dumps(body).encode()


def _with_type(headers: Mapping[str, str] | None, body: bytes | None) -> dict[str, str]:
    kind = {} if body is None else {"Content-Type": "application/json"}
    return {**kind, **(headers or {})}


def _octets(value: Octets) -> bytes:
    return value.encode() if isinstance(value, str) else value
