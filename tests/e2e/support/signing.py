"""Signed requests whose bytes go out as they are: `requests` would put paths in order before it sends them."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.structures import CaseInsensitiveDict

from sandbox.signed_api import TIMEOUT_SECONDS, Stack


@dataclass(frozen=True)
class Sent:
    """Headers that were signed for one request; `send` may carry them on another."""

    stack: Stack
    headers: Mapping[str, str]

    def send(self, method: str, path: str, body: bytes | None = None) -> requests.Response:
        """Send the signed headers with a path after `apiUrl`, byte for byte."""
        address = urlsplit(self.stack.api_url)
        connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.putrequest(method, address.path + path, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            came = connection.getresponse()
            response = requests.Response()
            response.status_code = came.status
            response.headers = CaseInsensitiveDict(came.getheaders())
            response._content = came.read()
            return response
        finally:
            connection.close()


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
