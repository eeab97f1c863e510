"""Send requests with the library `requests`, with kept connections and a hard limit on the time of an exchange.

Each exchange has an alarm, which shuts the socket down when the whole time is over. Before a change, read
`docs/decisions/0022-a-timer-ends-each-exchange.md`.
"""

import logging
import ssl
import threading
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from math import inf
from typing import Any, override
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
from token_broker.http.alarm import Alarm
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
#: Seconds after which an idle connection is not used for a POST. A frozen function learns too late that the server has
#: closed the connection, and a POST on a dead connection has an unknown outcome. Usual keep-alive limits start at 5 s.
IDLE_LIMIT = 4.0
CHUNK = 64 * 1024
TIMED_OUT = "The provider did not respond in time."


#: Holds the `alarm` of this thread's exchange.
_exchange = threading.local()


class _Watched(HTTPConnection):
    """Represent a connection that the exchange's alarm can shut down at every moment."""

    @override
    def connect(self) -> None:
        _exchange.alarm.watch(self)  # a TLS handshake can hang, too
        super().connect()  # can try several addresses, each with its own time-out
        _exchange.alarm.watch(self)

    @override
    def request(self, *args: Any, **kwargs: Any) -> None:
        _exchange.alarm.watch(self)
        _exchange.alarm.sent = True
        super().request(*args, **kwargs)


class _TlsWatched(_Watched, HTTPSConnection):
    """Represent a TLS connection that the exchange's alarm can shut down."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsWatched


class _Adapter(HTTPAdapter):
    """Create connections that an alarm can shut down."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl_context = ssl_context
        super().__init__(max_retries=Retry(0, read=False))

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._ssl_context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    @override
    def close(self) -> None:
        for key in self.poolmanager.pools.keys():  # noqa: SIM118  # this container cannot be iterated over
            self.poolmanager.pools[key].close()  # urllib3 would close the pool only when it is garbage collected
        super().close()

    @override
    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the context already has the certificates


class _Session(requests.Session):
    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, because `requests` would otherwise parse the address and read the whole body."""


class RequestsTransport:
    """Send requests with one `requests.Session` for each process.

    Proxies, `.netrc`, cookies and redirects are not used.
    """

    def __init__(self) -> None:
        # urllib3 logs the raw bytes of malformed headers, which can contain a token.
        logging.getLogger("urllib3").propagate = False
        self._clock = SystemClock()
        self._session: requests.Session | None = None
        self._last_used: dict[str, float] = {}

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        """Send the request once. The alarm ends the exchange after the sum of both time-outs."""
        session = self._session_for(request.url, repeatable=request.may_repeat())
        with Alarm(connect_timeout + read_timeout) as alarm:
            _exchange.alarm = alarm
            try:
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
            except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
                # The text of a library's exception can quote the URL, headers and the response.
                raise _translated(error, alarm) from None
        if alarm.rang:
            raise TimedOut(TIMED_OUT)  # a body without a length looks complete when its socket is shut down
        if response.status_code < 200:
            session.close()  # the final response may follow, and must not reach the next request
            raise Interrupted("The provider sent an unexpected interim response.")
        self._last_used[_origin(request.url)] = self._clock.monotonic()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status_code, headers, body)

    def _session_for(self, url: str, *, repeatable: bool) -> requests.Session:
        if self._session is None:
            self._session = _Session()
            self._session.trust_env = False
            # No cookie is kept, because one merchant's call must not affect another's.
            self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        elif not repeatable and self._clock.monotonic() > self._last_used.get(_origin(url), inf) + IDLE_LIMIT:
            self._session.close()  # the session stays usable
            self._last_used.clear()
        scheme = "https://" if url.startswith("https://") else "http://"
        if not isinstance(self._session.adapters[scheme], _Adapter):
            # All TLS connections share one context, because certifi's file takes 30 ms to load.
            context = ssl.create_default_context(cafile=certifi.where()) if scheme == "https://" else None
            self._session.mount(scheme, _Adapter(context))
        return self._session


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _read(response: requests.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"The provider's response is larger than {limit} bytes.")
    return bytes(body)


def _translated(error: Exception, alarm: Alarm) -> TransportFailure:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if not alarm.sent or isinstance(reason, NewConnectionError | ConnectTimeoutError):
        if isinstance(error, requests.exceptions.SSLError):
            return Unreachable("The provider's certificate is not trusted, or the TLS handshake failed.")
        return Unreachable("The provider could not be reached.")
    if alarm.rang or isinstance(error, requests.Timeout) or isinstance(reason, ReadTimeoutError):
        return TimedOut(TIMED_OUT)
    return Interrupted("The provider's response is incomplete, or is not valid HTTP.")
