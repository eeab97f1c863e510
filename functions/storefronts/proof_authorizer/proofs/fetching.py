"""Fetch an issuer's key set from the address in the policy only, within a short time.

The address must pass the policy's rule for `jwksUri` again. The name is resolved once, since a second result could
differ. Each of its addresses must be public, and the connection goes to these addresses only. The request uses TLS for
the name, without redirect, proxy or cookie. The response must have status 200 and at most 64 KB, within 3 s.

The one exception is the loopback origin in a stack's settings, for an issuer on the same machine.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from proofs.exchange import Exchange
from proofs.outcomes import KeysUnavailable
from proofs.public_addresses import is_public, look_up
from token_broker.clock import Clock, Deadline
from token_broker.http.client import HttpResponse, Request, Transport, TransportFailure, Unreachable
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
type MakeTransport = Callable[[str], Transport]


class KeySetFetcher(NamedTuple):
    """Fetch key sets. `loopback_origin` is empty, or an origin in a browser's spelling."""

    clock: Clock
    loopback_origin: str = ""
    look_up: LookUp = look_up
    make_transport: MakeTransport = Exchange

    def fetch(self, uri: str) -> bytes:
        """Return the document's bytes. Raises `KeysUnavailable`."""
        deadline = Deadline.after(self.clock, TIME_LIMIT)
        try:
            addresses.jwks_uri(uri, self.loopback_origin)
        except ValueError:
            raise KeysUnavailable("jwks_address_refused") from None
        url = urlsplit(uri)
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        on_loopback = self.loopback_origin == f"{url.scheme}://{url.netloc}"
        resolved = self._resolve(host, port, _is_loopback if on_loopback else is_public, deadline)
        urls = [_with_address(url, address, port) for address in resolved[:MAX_ADDRESSES]]
        response = _send(self.make_transport(host), urls, url.netloc, deadline)
        if response.status != 200:
            raise KeysUnavailable("jwks_wrong_status")
        return response.body

    def _resolve(self, host: str, port: int, accepts: Callable[[str], bool], deadline: Deadline) -> list[str]:
        """Return the name's addresses. Raises `KeysUnavailable` unless all of them are accepted."""
        try:
            resolved = self.look_up(host, port, deadline.left())
        except TimeoutError:
            raise KeysUnavailable("jwks_timed_out") from None
        except OSError:
            raise KeysUnavailable("jwks_name_not_found") from None
        if not resolved or not all(map(accepts, resolved)):
            raise KeysUnavailable("jwks_address_refused")
        return resolved


def _is_loopback(address: str) -> bool:
    return ip_address(address).is_loopback


def _with_address(url: SplitResult, address: str, port: int) -> str:
    """Return the URL with an address in place of the name."""
    host = f"[{address}]" if ":" in address else address
    return url._replace(netloc=f"{host}:{port}").geturl()


def _send(transport: Transport, urls: list[str], authority: str, deadline: Deadline) -> HttpResponse:
    """Return the response of the first URL whose address accepts a connection. Raises `KeysUnavailable`."""
    for url in urls:
        if (left := deadline.left()) < MIN_SECONDS_LEFT:
            break
        connect_timeout = min(CONNECT_TIMEOUT, left / 2)
        try:
            return transport.send(
                Request("GET", url, {**_HEADERS, "Host": authority}),
                connect_timeout=connect_timeout,
                read_timeout=left - connect_timeout,
                body_limit=BODY_LIMIT,
            )
        except Unreachable:
            continue
        except TransportFailure as failure:
            raise KeysUnavailable(f"jwks_{failure.kind}") from None
    raise KeysUnavailable("jwks_unreachable")
