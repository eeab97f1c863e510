"""Send one request over a connection of its own, with the standard library.

A library for providers' requests takes a fifth of this function's start, and keeps connections. Neither is of use for
one document in ten minutes.
"""

import ssl
import zlib
from contextlib import closing
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import NamedTuple
from urllib.parse import urlsplit

import certifi

from token_broker import __version__
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

_HEADERS = {"User-Agent": f"token-broker/{__version__}"}
#: For zlib: with the header and the checksum of gzip.
_GZIP = 31


class Exchange(NamedTuple):
    """Send each request on its own. `server_name` is the name for TLS and its certificate, since URLs have addresses.

    Proxies, cookies and redirects are not used.
    """

    server_name: str

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        """Send the request once. The alarm ends the exchange after the sum of both time-outs."""
        url = urlsplit(request.url)
        connection = HTTPConnection(url.hostname or "", url.port, timeout=connect_timeout)
        with Alarm(connect_timeout + read_timeout) as alarm, closing(connection):
            try:
                connection.connect()
                alarm.watch(connection)
                if url.scheme == "https":
                    context = ssl.create_default_context(cafile=certifi.where())
                    # The handshake as a whole has the time-out of the socket.
                    connection.sock = context.wrap_socket(connection.sock, server_hostname=self.server_name)
                    alarm.watch(connection)
                connection.sock.settimeout(read_timeout)
                alarm.sent = True
                target = f"{url.path}?{url.query}" if url.query else url.path
                connection.request(request.method, target, request.body, {**_HEADERS, **request.headers})
                response = _read(connection, body_limit)
            except (HTTPException, OSError, ValueError, zlib.error) as error:
                raise _translated(error, alarm) from None
        if alarm.rang:
            raise TimedOut("The issuer did not respond in time.")  # a shut down body without a length looks complete
        return response


def _read(connection: HTTPConnection, limit: int) -> HttpResponse:
    with connection.getresponse() as response:
        body = response.read(limit + 1)
        complete = not response.length or len(body) > limit
        headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.get("content-encoding", "").lower() == "gzip":  # was not asked for, but can be stored like this
        unpacking = zlib.decompressobj(wbits=_GZIP)
        body = unpacking.decompress(body, limit + 1)
        complete = complete and unpacking.eof
    if len(body) > limit:
        raise TooLarge(f"The issuer's response is larger than {limit} bytes.")
    if not complete:
        raise IncompleteRead(body)  # the alarm can be the reason
    return HttpResponse(response.status, headers, body)


def _translated(error: Exception, alarm: Alarm) -> TransportFailure:
    if not alarm.sent:
        return Unreachable("The issuer could not be reached, or its certificate is not trusted.")
    if alarm.rang or isinstance(error, TimeoutError):
        return TimedOut("The issuer did not respond in time.")
    return Interrupted("The issuer's response is not complete, or is not valid HTTP.")
