"""Requests whose every byte is the test's: no client puts a path in order, or refuses a header."""

import http.client
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from sandbox.local_stack import TIMEOUT_SECONDS, Stack

type Octets = str | bytes
type Headers = Sequence[tuple[Octets, Octets]]


def exchange(stack: Stack, method: str, path: Octets, headers: Headers = (), body: bytes = b"") -> requests.Response:
    """One request and its answer. The path follows `apiUrl`; nothing but Host and Connection is added to the headers.

    Raises ConnectionError where the server hangs up without a word.
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
        return response


def _octets(value: Octets) -> bytes:
    return value.encode() if isinstance(value, str) else value
