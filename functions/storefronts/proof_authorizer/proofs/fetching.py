"""Fetching an issuer's key set: from the address in the policy and nowhere else, and never for long.

    where   what the policy's rule for `jwksUri` takes, asked again here; then the name is looked up once, each of its
            addresses must be public, and the connection goes to just those: a second look-up could say another
    how     TLS for that name, no redirect, no proxy, no cookie, status 200
    long    3 s with everything, 64 KB

The one exception is the loopback origin that a stack's setting names, for an issuer on the same machine.
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

#: Seconds for the whole of it.
TIME = 3.0
#: Seconds for a connection, so that time is left for a name's second address.
CONNECT_TIMEOUT = 1.0
#: Below this many seconds a further address cannot end well.
MIN_SECONDS_LEFT = 0.1
#: Addresses of one name that are tried.
TRIES = 2
BODY_LIMIT = 64 * 1024

_PORTS = {"https": 443, "http": 80}
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Connection": "close"}

#: A name's addresses: host, port, seconds. Raises `OSError`.
type LookUp = Callable[[str, int, float], list[str]]
#: A transport that asks for a certificate of that name, if there is TLS.
type MakeTransport = Callable[[str], ClosingTransport]


class ClosingTransport(Transport, Protocol):
    """A transport whose connections can be dropped."""

    def close(self) -> None: ...


def _requests(server_name: str) -> ClosingTransport:
    """`requests`, loaded where there is something to fetch."""
    from token_broker.http.transport import RequestsTransport

    return RequestsTransport(server_name=server_name)


@dataclass(frozen=True, slots=True)
class _Place:
    """A key set's address, taken apart."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str
    loopback: bool

    def takes(self, address: str) -> bool:
        """Whether an address of the name is one to connect to."""
        return ip_address(address).is_loopback if self.loopback else is_public(address)

    def at(self, address: str) -> str:
        """The same with an address in the name's place."""
        return f"{self.scheme}://{f'[{address}]' if ':' in address else address}:{self.port}{self.target}"


class Fetching:
    """Fetches one document. `loopback_origin` is empty, or as exact as a browser's origin."""

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
        """The document's bytes. Raises `KeysUnavailable`."""
        deadline = Deadline.after(self._clock, TIME)
        place = self._place(uri)
        found = self._vetted(place, deadline)
        with closing(self._make_transport(place.host)) as transport:
            answer = _answer(transport, place, found, deadline)
        if answer.status != 200:
            raise KeysUnavailable("jwks_wrong_status")
        return answer.body

    def _place(self, uri: str) -> _Place:
        try:
            addresses.jwks_uri(uri, self._loopback_origin)
        except ValueError:
            raise KeysUnavailable("jwks_address_refused") from None
        parts = urlsplit(uri)
        return _Place(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            authority=parts.netloc,
            target=uri.removeprefix(f"{parts.scheme}://{parts.netloc}"),
            loopback=bool(self._loopback_origin) and uri.startswith(f"{self._loopback_origin}/"),
        )

    def _vetted(self, place: _Place, deadline: Deadline) -> list[str]:
        """The name's addresses: all of them acceptable, or none is."""
        try:
            found = self._look_up(place.host, place.port, deadline.left())
        except TimeoutError:
            raise KeysUnavailable("jwks_timed_out") from None
        except OSError:
            raise KeysUnavailable("jwks_name_not_found") from None
        if not found or not all(map(place.takes, found)):
            raise KeysUnavailable("jwks_address_refused")
        return found


def _answer(transport: Transport, place: _Place, found: list[str], deadline: Deadline) -> HttpResponse:
    """The answer of the first address that can be connected to."""
    for address in found[:TRIES]:
        if (left := deadline.left()) < MIN_SECONDS_LEFT:
            break
        connect_timeout = min(CONNECT_TIMEOUT, left / 2)
        request = Request("GET", place.at(address), {**_HEADERS, "Host": place.authority})
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
