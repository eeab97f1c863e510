"""Signed requests whose bytes go out as they are: `requests` would put paths in order before it sends them."""

from collections.abc import Mapping
from dataclasses import dataclass

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.local_stack import Stack
from tests.e2e.support.raw_http import exchange


@dataclass(frozen=True)
class Sent:
    """Headers that were signed for one request; `send` may carry them on another."""

    stack: Stack
    headers: Mapping[str, str]

    def send(self, method: str, path: str, body: bytes | None = None) -> requests.Response:
        """Send the signed headers with a path after `apiUrl`, byte for byte."""
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
) -> Sent:
    """Sign this request and return its headers."""
    request = AWSRequest(method, stack.api_url + path, headers=dict(headers or {}), data=body)
    if body is not None:
        request.headers["Content-Type"] = "application/json"
    SigV4Auth(credentials or stack.credentials(), "execute-api", stack.described["region"]).add_auth(request)
    return Sent(stack, dict(request.headers.items()))


def send(stack: Stack, method: str, path: str, body: bytes | None = None) -> requests.Response:
    """Sign a request as the account's administrator, and send it byte for byte."""
    return sign(stack, method, path, body).send(method, path, body)
