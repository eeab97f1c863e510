"""Read from DynamoDB over one kept connection, in one attempt with a short time limit.

Only what a plain Lambda function in a commercial Region needs is here. Whatever else the environment asks for, and
whatever is not a complete response, is left to botocore. A read can be repeated without harm.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from token_broker import __version__
from token_broker.aws.fast_reads.connection import Connection, Failed, Unanswered
from token_broker.aws.fast_reads.credentials import CredentialSource
from token_broker.aws.fast_reads.signing import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext

    from token_broker.aws.fast_reads.credentials import Credentials
    from token_broker.clock import Clock

#: Seconds for a read, and for its connection if there is none. DynamoDB responds within 20 ms.
TIME_LIMIT = 0.5
#: Seconds after a failure in which botocore reads. Without them, each read would first wait for the same failure.
REST = 60.0
#: Seconds without a read after which a kept connection is not used again. A network forgets idle connections, and
#: drops what is sent over them in silence (https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html).
IDLE_LIMIT = 60.0
USER_AGENT = f"token-broker/{__version__}"
#: Amazon's own roots, which the layer's build takes from certifi.
ROOTS = Path(__file__).with_name("amazon_roots.pem")

#: What only botocore knows how to obey: proxies, other trust, other addresses, other credentials.
LEFT_TO_BOTOCORE = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"),
    *("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE"),
    *("AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_ACCOUNT_ID", "AWS_ACCOUNT_ID_ENDPOINT_MODE"),
)

_COMMERCIAL = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+")


class Endpoint(NamedTuple):
    """Hold DynamoDB's address and Region."""

    scheme: str
    host: str
    port: int
    authority: str
    region: str


def endpoint(variables: Mapping[str, str]) -> Endpoint | None:
    """Return the address that botocore would use, or None if botocore has to work it out."""
    region = variables.get("AWS_DEFAULT_REGION", "")
    if not _COMMERCIAL.fullmatch(region) or any(variables.get(name) for name in LEFT_TO_BOTOCORE):
        return None
    configured = variables.get("AWS_ENDPOINT_URL_DYNAMODB") or variables.get("AWS_ENDPOINT_URL")
    try:
        url = urlsplit(configured or f"https://dynamodb.{region}.amazonaws.com")
        port = url.port
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query or "@" in url.netloc:
        return None
    usual = 443 if url.scheme == "https" else 80
    authority = url.netloc.lower().removesuffix(f":{usual}")
    return Endpoint(url.scheme, url.hostname, port or usual, authority, region)


class FastReads:
    """Send reads to one endpoint. `report` gets the reason of each failure, for the log.

    The clock counts the time for which Lambda freezes the process.
    """

    def __init__(self, address: Endpoint, report: Callable[[str], None], clock: Clock) -> None:
        self._address = address
        self._report = report
        self._clock = clock
        self._credentials = CredentialSource()
        self._signer = Signer("dynamodb", address.region, address.authority)
        self._context: SSLContext | None = None
        #: At most one. A thread that finds none opens its own.
        self._idle: list[Connection] = []
        self._resting_until = 0.0

    def connect(self) -> None:
        """Open the connection before the first read. A failure is left to that read."""
        try:
            self._keep(self._open(time.monotonic() + TIME_LIMIT))
        except (OSError, Failed):
            return

    def read(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return DynamoDB's response to a read, or None if botocore has to read.

        `operation` is `GetItem` or `Query`.
        """
        if self._clock.monotonic() < self._resting_until:
            return None
        try:
            credentials = self._credentials.current()
            if credentials is None:
                return None
            # Without `decode`, JSON in UTF-16 would be accepted, too.
            response = json.loads(self._exchange(self._request(credentials, operation, arguments)).decode())
            return _about(arguments, response)
        except Failed as failure:
            reason = failure.reason
        except (OSError, AttributeError, LookupError, TypeError, ValueError, RuntimeError) as failure:
            reason = type(failure).__name__
        self._resting_until = self._clock.monotonic() + REST
        self._report(reason)
        return None

    def _request(self, credentials: Credentials, operation: str, arguments: Mapping[str, Any]) -> bytes:
        body = json.dumps(arguments, separators=(",", ":")).encode()
        headers = self._signer.headers(credentials, f"DynamoDB_20120810.{operation}", body, self._clock.now())
        headers |= {"content-length": str(len(body)), "accept-encoding": "identity", "user-agent": USER_AGENT}
        trace = os.environ.get("_X_AMZN_TRACE_ID")
        if trace:
            # X-Ray joins its traces by this header, and Lambda finds recursive calls, as with botocore's handler.
            headers["x-amzn-trace-id"] = quote(trace, safe="-=;:+&[]{}\"',")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body

    def _exchange(self, request: bytes) -> bytes:
        """Return the body of the response.

        The kept connection may have ended unnoticed while Lambda had frozen the process. DynamoDB has not answered the
        request then, so it is sent once more over a new connection.
        """
        until = time.monotonic() + TIME_LIMIT
        kept = self._kept()
        if kept is not None:
            try:
                return self._over(kept, request, until)
            except Unanswered:
                pass
        return self._over(self._open(until), request, until)

    def _kept(self) -> Connection | None:
        """Return the kept connection if it can be used. Another thread can have taken it."""
        try:
            kept = self._idle.pop()
        except IndexError:
            return None
        if self._clock.monotonic() < kept.idle_since + IDLE_LIMIT and kept.silent():
            return kept
        kept.close()
        return None

    def _over(self, connection: Connection, request: bytes, until: float) -> bytes:
        try:
            return connection.exchange(request, until)
        finally:
            if connection.reusable and not self._idle:
                self._keep(connection)
            else:
                connection.close()

    def _keep(self, connection: Connection) -> None:
        connection.idle_since = self._clock.monotonic()
        self._idle.append(connection)

    def _open(self, until: float) -> Connection:
        if self._address.scheme == "https" and self._context is None:
            self._context = _trusting_amazon()
        return Connection(self._address.host, self._address.port, self._context, until)


def _about(arguments: Mapping[str, Any], response: Any) -> Mapping[str, Any]:
    """Return the response if each of its items has the key that was asked for.

    So a response that is out of step with its connection never shows one merchant's item to another one. Raises
    `Failed`, or `AttributeError`, `LookupError` or `TypeError` if the response has another form.
    """
    if not isinstance(response, dict):
        raise Failed("no_object")
    if "Key" in arguments:
        key, items = arguments["Key"], [response["Item"]] if "Item" in response else []
    else:
        key, items = {"pk": arguments["ExpressionAttributeValues"][":pk"]}, response["Items"]
    if not all(item[name] == value for item in items for name, value in key.items()):
        raise Failed("another_key")
    return response


def _trusting_amazon() -> SSLContext:
    """Return a TLS context that checks the host's name and trusts Amazon's roots alone.

    Five roots take 1 ms to load, and certifi's 117 take 17 ms. Raises `OSError` if the layer was built without them.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ROOTS)
    return context


def fast_reads(report: Callable[[str], None], clock: Clock) -> FastReads | None:
    """Return the process's fast reads, or None if the environment needs botocore."""
    address = endpoint(os.environ)
    return None if address is None else FastReads(address, report, clock)
