"""Call the broker's API over HTTPS."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from token_broker_client.connections import Connections, HttpAnswer
from token_broker_client.errors import TokenBrokerError, from_problem
from token_broker_client.transport import Answer, json_object

if TYPE_CHECKING:
    from token_broker_client.aws import Signer
    from token_broker_client.deadline import Deadline
    from token_broker_client.operations import Operation

#: Return the headers with what proves the caller's identity. It gets the method, URL, headers and body.
Sign = Callable[[str, str, Mapping[str, str], "bytes | None"], Mapping[str, str]]

USER_AGENT = f"token-broker-client python/{platform.python_version()}"


class ApiTransport:
    """Send operations to the API's address, which ends with the stage. Raises `ValueError` for another address."""

    def __init__(self, url: str, sign: Sign, connections: Connections) -> None:
        self._url = checked(url)
        self._sign = sign
        self._connections = connections

    @classmethod
    def signed(cls, url: str, signer: Signer) -> ApiTransport:
        """Return a transport that signs with AWS credentials."""

        def sign(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
            return signer.signed("execute-api", method, url, headers, body)

        return cls(url, sign, Connections(signer.ca_bundle()))

    def send(self, operation: Operation, fields: Mapping[str, Any], deadline: Deadline) -> Answer:
        """Send one request. Raises `TokenBrokerError`."""
        url = self._url + operation.target(fields)
        members = operation.body(fields)
        body = None if members is None else json.dumps(members).encode()
        headers = {"User-Agent": USER_AGENT, **operation.header_fields(fields)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        signed = self._sign(operation.method, url, headers, body)
        return _read(self._connections.exchange(operation.method, url, signed, body, deadline))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def checked(url: str) -> str:
    """Return the API's address without a slash at its end. Plain http is for a stack on this machine only.

    Raises `ValueError` for another address.
    """
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
        raise ValueError("The API's address must be like https://….execute-api.….amazonaws.com/v1.")
    if address.scheme == "http" and not _on_this_machine(address.hostname):
        raise ValueError("The API's address must begin with https:// unless it is a local stack's on this machine.")
    return url.rstrip("/")


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(answer: HttpAnswer) -> Answer:
    """Return the answer of a success. Raises `TokenBrokerError`."""
    body = json_object(answer.body)
    if body is None:
        raise answer.malformed()
    if answer.status >= 300:
        raise _error(answer, body)
    return Answer(body, answer.request_id, answer.status, _revision(answer.headers.get("etag", "")))


def _error(answer: HttpAnswer, problem: Mapping[str, Any]) -> TokenBrokerError:
    try:
        return from_problem(problem, request_id=answer.request_id, retry_after=answer.retry_after)
    except ValueError:
        return answer.malformed()


def _revision(etag: str) -> int | None:
    number = etag.strip('"')
    return int(number) if number.isascii() and number.isdigit() and len(number) < 20 else None
