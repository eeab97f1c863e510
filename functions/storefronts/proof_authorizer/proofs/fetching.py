"""Fetch an issuer's key set from the address in the policy only, within a short time.

The address must pass the policy's rule for `jwksUri` again. The name is resolved once, since a second result could
differ. Each of its addresses must be public, and the connection goes to these addresses only. The request uses TLS for
the name, without redirect, proxy or cookie. The response must have status 200 and at most 64 KB, within 3 s.

The one exception is the loopback origin in a stack's settings, for an issuer on the same machine.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from proofs.outcomes import KeysUnavailable
from proofs.public_addresses import is_public, look_up
from token_broker.clock import Clock, Deadline
from token_broker.http.client import HttpResponse, Interrupted, Request, TimedOut, TooLarge, Transport, Unreachable
from token_broker.storefronts import addresses

#: Seconds for name resolution and requests together.
TIME_LIMIT = 3.0
#: Seconds for a connection. The rest is for the name's second address.
CONNECT_TIMEOUT = 1.0
#: With less time left, no further address is tried.
MIN_SECONDS_LEFT = 0.1
#: Addresses of one name that are tried.
MAX_ADDRESSES = 2
BODY_LIMIT = 64 * 1024

_PORTS = {"https": 443, "http": 80}
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Connection": "close"}

#: Takes host, port and seconds. Returns the name's addresses, or raises `OSError`.
type LookUp = Callable[[str, int, float], list[str]]
#: Takes a name. Returns a transport that requires a certificate of that name, if there is TLS.
type MakeTransport = Callable[[str], ClosingTransport]


class ClosingTransport(Transport, Protocol):
    """Send requests, and close the connections at the end."""

    def close(self) -> None:
        """Close the connections."""
        ...


def _requests(server_name: str) -> ClosingTransport:
    """Return a `requests` transport. It is imported here, since most calls fetch nothing."""
    from token_broker.http.transport import RequestsTransport

    return RequestsTransport(server_name=server_name)


@dataclass(frozen=True, slots=True)
class _ParsedUrl:
    """Hold the parts of a key set's address."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str
    loopback: bool

    def accepts(self, address: str) -> bool:
        """Return whether a connection may go to this address of the name."""
        return ip_address(address).is_loopback if self.loopback else is_public(address)

    def with_address(self, address: str) -> str:
        """Return the URL with an address instead of the name."""
        return f"{self.scheme}://{f'[{address}]' if ':' in address else address}:{self.port}{self.target}"


class KeySetFetcher:
    """Fetch key sets. `loopback_origin` is empty, or an origin in a browser's spelling."""

    def __init__(
        self,
        clock: Clock,
        *,
        loopback_origin: str = "",
        look_up: LookUp = look_up,
        make_transport: MakeTransport = _requests,
    ) -> None:
        self._clock = clock
        self._loopback_origin = loopback_origin
        self._look_up = look_up
        self._make_transport = make_transport

    def __call__(self, uri: str) -> bytes:
        """Return the document's bytes. Raises `KeysUnavailable`."""
        deadline = Deadline.after(self._clock, TIME_LIMIT)
        url = self._parse(uri)
        resolved = self._resolve(url, deadline)
        with closing(self._make_transport(url.host)) as transport:
            response = _send(transport, url, resolved, deadline)
        if response.status != 200:
            raise KeysUnavailable("jwks_wrong_status")
        return response.body

    def _parse(self, uri: str) -> _ParsedUrl:
        try:
            addresses.jwks_uri(uri, self._loopback_origin)
        except ValueError:
            raise KeysUnavailable("jwks_address_refused") from None
        parts = urlsplit(uri)
        return _ParsedUrl(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            authority=parts.netloc,
            target=uri.removeprefix(f"{parts.scheme}://{parts.netloc}"),
            loopback=bool(self._loopback_origin) and uri.startswith(f"{self._loopback_origin}/"),
        )

    def _resolve(self, url: _ParsedUrl, deadline: Deadline) -> list[str]:
        """Return the name's addresses. Raises `KeysUnavailable` unless all of them are accepted."""
        try:
            resolved = self._look_up(url.host, url.port, deadline.left())
        except TimeoutError:
            raise KeysUnavailable("jwks_timed_out") from None
        except OSError:
            raise KeysUnavailable("jwks_name_not_found") from None
        if not resolved or not all(map(url.accepts, resolved)):
            raise KeysUnavailable("jwks_address_refused")
        return resolved


def _send(transport: Transport, url: _ParsedUrl, resolved: list[str], deadline: Deadline) -> HttpResponse:
    """Return the response of the first address that accepts a connection. Raises `KeysUnavailable`."""
    for address in resolved[:MAX_ADDRESSES]:
        if (left := deadline.left()) < MIN_SECONDS_LEFT:
            break
        connect_timeout = min(CONNECT_TIMEOUT, left / 2)
        request = Request("GET", url.with_address(address), {**_HEADERS, "Host": url.authority})
        try:
            return transport.send(
                request,
                connect_timeout=connect_timeout,
                read_timeout=left - connect_timeout,
                body_limit=BODY_LIMIT,
            )
        except Unreachable:
            continue
        except TimedOut:
            raise KeysUnavailable("jwks_timed_out") from None
        except Interrupted:
            raise KeysUnavailable("jwks_interrupted") from None
        except TooLarge:
            raise KeysUnavailable("jwks_too_large") from None
    raise KeysUnavailable("jwks_unreachable")
