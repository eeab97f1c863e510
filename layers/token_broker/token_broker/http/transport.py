"""`requests`, held to what a token broker needs: kept connections, certificates loaded once, a hard end in time.

requests' own time-outs are for each read of the socket: a provider that sends a byte every few seconds would hold a
call for ever. So each exchange has one more clock, which shuts the socket down when the whole time is over.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from http.cookiejar import CookiePolicy
from typing import Any, Self, override
from urllib.parse import urlsplit

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError
from urllib3.util import Retry

from token_broker import __version__
from token_broker.clock import SystemClock
from token_broker.http.client import (
    HttpResponse,
    Interrupted,
    Request,
    TimedOut,
    TooLarge,
    TransportFailure,
    Unreachable,
)

USER_AGENT = f"token-broker/{__version__} (python-requests/{requests.__version__})"
#: Seconds. A connection idle for longer is not trusted with a POST: a frozen function learns of the other side's close
#: too late, and what became of a POST on a dead connection nobody knows. Usual keep-alive limits start at 5 s.
IDLE_LIMIT = 4.0
CHUNK = 64 * 1024


class _Alarm:
    """Shuts one exchange's connection down when its time is over; `rang` tells that from the other side's close."""

    def __init__(self, seconds: float) -> None:
        self.rang = False
        self.sent = False
        self._connection: HTTPConnection | None = None
        self._sock: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def watch(self, connection: HTTPConnection) -> None:
        """From here on this is the connection to end. Raises where the time was over before anything was sent."""
        self._connection, self._sock = connection, connection.sock
        if self.rang:
            raise ConnectTimeoutError(connection, "the time was over")

    def _ring(self) -> None:
        self.rang = True
        # A connection gives its socket away to an answer that ends with it: with no length, or `Connection: close`.
        sock = (self._connection.sock if self._connection is not None else None) or self._sock
        if sock is not None:
            with suppress(OSError):  # closed already: nothing left to end
                # The plain socket's method: SSLSocket's own pulls the TLS state away under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        _exchange.alarm = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()  # one that is ringing just now must not meet the next exchange


class _Exchange(threading.local):
    """The alarm of the exchange that this thread is in."""

    alarm: _Alarm


_exchange = _Exchange()


class _Watched(HTTPConnection):
    """A connection that the alarm of its exchange can end, at each moment at which it could hang."""

    @override
    def connect(self) -> None:
        _exchange.alarm.watch(self)  # a TLS handshake can hang as well as an answer
        super().connect()  # may try several addresses, each with its own time-out
        _exchange.alarm.watch(self)

    @override
    def request(self, *args: Any, **kwargs: Any) -> None:
        _exchange.alarm.watch(self)
        _exchange.alarm.sent = True
        super().request(*args, **kwargs)


class _TlsWatched(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsWatched


class _Adapter(HTTPAdapter):
    """Connections that can be ended."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None, server_name: str | None = None) -> None:
        self._ssl_context, self._server_name = ssl_context, server_name
        super().__init__(max_retries=Retry(0, read=False))

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._ssl_context, server_hostname=self._server_name, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    @override
    def close(self) -> None:
        for key in self.poolmanager.pools.keys():  # noqa: SIM118  # no plain dict: it cannot be iterated over
            self.poolmanager.pools[key].close()  # at once, and not when nothing refers to the pool any more
        super().close()

    @override
    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the certificates are in the context already


class _Session(requests.Session):
    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where redirects are not followed, requests would parse the address and read the whole body."""


class RequestsTransport:
    """One `requests.Session` for the life of the process; no proxies, no `.netrc`, no cookies, no redirects.

    `server_name` is whom TLS asks for and the certificate must name, where the URLs sent hold an address in its place.
    """

    def __init__(self, *, server_name: str | None = None) -> None:
        # urllib3 warns of malformed headers with the raw bytes, which can hold a token.
        logging.getLogger("urllib3").propagate = False
        self._server_name = server_name
        self._clock = SystemClock()
        self._session: requests.Session | None = None
        self._last_used: dict[str, float] = {}

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        """One exchange. `read_timeout` bounds the whole of it after the connection stands."""
        session = self._session_for(request.url, repeatable=request.may_repeat())
        with _Alarm(connect_timeout + read_timeout) as alarm, _own_errors(alarm):
            response = session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                timeout=(connect_timeout, read_timeout),
                allow_redirects=False,
                stream=True,
            )
            with response:
                body = _read(response, body_limit)
            if alarm.rang:
                raise requests.ReadTimeout  # a body without a length looks whole when its socket is shut down
            if response.status_code < 200:
                session.close()  # the true answer may follow on this connection, and must not meet the next request
                raise Interrupted("The provider sent an interim answer that nobody asked for.")
            self._last_used[_origin(request.url)] = self._clock.monotonic()
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpResponse(response.status_code, headers, body)

    def close(self) -> None:
        """Drop the kept connections; the transport stays usable."""
        if self._session is not None:
            self._session.close()

    def _idle(self, url: str) -> float:
        """Seconds for which this host's kept connections have been idle: each shop is a host of its own."""
        used = self._last_used.get(_origin(url))
        return 0.0 if used is None else self._clock.monotonic() - used

    def _session_for(self, url: str, *, repeatable: bool) -> requests.Session:
        if self._session is None:
            self._session = _Session()
            self._session.trust_env = False
            self._session.cookies.set_policy(_NoCookies())
            self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        elif not repeatable and self._idle(url) > IDLE_LIMIT:
            self._session.close()  # drops the kept connections; the session stays usable
            self._last_used.clear()
        scheme = "https://" if url.startswith("https://") else "http://"
        if not isinstance(self._session.adapters[scheme], _Adapter):
            # One context for all connections, and none where none is needed: loading certifi's file takes 30 ms.
            trusting = ssl.create_default_context(cafile=certifi.where()) if scheme == "https://" else None
            self._session.mount(scheme, _Adapter(trusting, self._server_name))
        return self._session


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _read(response: requests.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"The provider's answer is larger than {limit} bytes.")
    return bytes(body)


class _NoCookies(CookiePolicy):
    """A cookie policy under which nothing is kept or sent: one merchant's call must not colour another's."""

    netscape = True
    rfc2965 = hide_cookie2 = False

    def set_ok(self, *_: object) -> bool:
        return False

    def return_ok(self, *_: object) -> bool:
        return False

    def domain_return_ok(self, *_: object) -> bool:
        return False

    def path_return_ok(self, *_: object) -> bool:
        return False


@contextmanager
def _own_errors(alarm: _Alarm) -> Iterator[None]:
    """The library's exceptions as ours; their texts can quote the URL, headers and the provider's bytes."""
    try:
        yield
    except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
        raise _translated(error, alarm) from None


def _translated(error: Exception, alarm: _Alarm) -> TransportFailure:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if not alarm.sent or isinstance(reason, NewConnectionError | ConnectTimeoutError):
        if isinstance(error, requests.exceptions.SSLError):
            return Unreachable("The provider's certificate or TLS handshake was not acceptable.")
        return Unreachable("The provider could not be reached.")
    if alarm.rang or isinstance(error, requests.Timeout) or isinstance(reason, ReadTimeoutError):
        return TimedOut("The provider did not answer in time.")
    return Interrupted("The provider's answer broke off, or was not valid HTTP.")
