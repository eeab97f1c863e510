"""Send single HTTP requests over kept connections, each with a limit for the whole answer.

botocore depends on urllib3, so there is always one.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from token_broker_client.errors import ConnectionFailed, MalformedAnswer, TimedOut
from token_broker_client.sockets import limit, pools_with_whole_timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse

    from token_broker_client.deadline import Deadline

#: Seconds to open a connection.
CONNECT_SECONDS = 5.0
#: Seconds for one attempt. API Gateway answers within 29 s.
ANSWER_SECONDS = 30.0
#: In bytes. API Gateway sends at most 10 MB.
ANSWER_LIMIT = 10 * 1024 * 1024
#: Connections that are kept for one host. More calls at once open more.
KEPT_CONNECTIONS = 10

_PART = 64 * 1024


class HttpAnswer(NamedTuple):
    """Hold one whole HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """Return the request's id, by which an operator finds it in the log."""
        return self.headers.get("x-amzn-requestid") or self.headers.get("x-request-id")

    @property
    def retry_after(self) -> float | None:
        """Return the seconds in `Retry-After`, or None if there are none."""
        seconds = self.headers.get("retry-after", "")
        return float(seconds) if seconds.isascii() and seconds.isdigit() else None

    def __repr__(self) -> str:
        """Show neither the headers nor the body, which can hold a token's value."""
        return f"HttpAnswer(status={self.status}, request_id={self.request_id!r})"

    def malformed(self) -> MalformedAnswer:
        """Return the error for an answer that is not the broker's."""
        names = ("content-type", "content-encoding")
        kind = " ".join(self.headers.get(name, "")[:100] for name in names).strip() or "no content type"
        return MalformedAnswer(
            f"The answer is not the broker's: status {self.status}, {kind}, {len(self.body)} bytes. Check the address.",
            status=self.status,
            retryable=self.status == 429 or self.status >= 500,
            retry_after=self.retry_after,
            request_id=self.request_id,
        )


class Connections:
    """Keep connections to the hosts that are called. Threads may share them.

    Proxies come from the environment, as for boto3. A plain http address is a local stack's and needs no proxy.
    `ca_bundle` is a file of certificates, or None for botocore's own.
    """

    def __init__(self, ca_bundle: str | None = None) -> None:
        self._settings: dict[str, Any] = {
            "maxsize": KEPT_CONNECTIONS,
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": ca_bundle or get_cert_path(verify=True),
        }
        self._by_proxy: dict[str, PoolManager] = {}
        self._by_host: dict[str, PoolManager] = {}

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> HttpAnswer:
        """Send one request, and return its whole answer. Nothing is repeated.

        Raises `ConnectionFailed`, `TimedOut` or `MalformedAnswer`.
        """
        left = min(deadline.left(), ANSWER_SECONDS)
        host = urlsplit(url).netloc
        if left <= 0:
            raise _late(host)
        try:
            with limit(left):
                answer = self._exchange(method, url, dict(headers), body, left)
        except (NewConnectionError, ConnectTimeoutError):
            raise ConnectionFailed(f"{host} accepts no connection.", retryable=True) from None
        except (ReadTimeoutError, TimeoutError):
            raise _late(host) from None
        except SSLError as failure:
            untrusted = isinstance(failure.args[0], ssl.SSLCertVerificationError)
            reason = (
                "is not trusted. Set AWS_CA_BUNDLE if a proxy has its own." if untrusted else "could not be checked."
            )
            raise ConnectionFailed(f"The certificate of {host} {reason}", retryable=not untrusted) from None
        except (HTTPError, OSError) as failure:
            # Its message can have the address of a proxy with a password.
            kind = type(failure).__name__
            raise ConnectionFailed(f"The connection to {host} failed ({kind}).", retryable=True) from None
        if len(answer.body) > ANSWER_LIMIT:
            raise answer.malformed()
        return answer

    def _exchange(self, method: str, url: str, headers: dict[str, str], body: bytes | None, left: float) -> HttpAnswer:
        response = self._pools(url, urlsplit(url).netloc).urlopen(
            method,
            url,
            headers=headers,
            body=body,
            timeout=Timeout(total=left, connect=min(CONNECT_SECONDS, left)),
            retries=False,
            redirect=False,
            preload_content=False,
            enforce_content_length=True,
        )
        shown = {name.lower(): value for name, value in response.headers.items()}
        answer = HttpAnswer(response.status, shown, _whole(response))
        response.release_conn()
        return answer

    def close(self) -> None:
        """Close the connections that are not in use."""
        for pools in self._by_proxy.values():
            pools.clear()

    def _pools(self, url: str, host: str) -> PoolManager:
        if host not in self._by_host:
            proxies = ProxyConfiguration(get_environ_proxies(url) if url.startswith("https:") else {})
            proxy = proxies.proxy_url_for(url) or ""
            pools = pools_with_whole_timeouts(
                ProxyManager(proxy, proxy_headers=proxies.proxy_headers_for(proxy), **self._settings)
                if proxy
                else PoolManager(**self._settings)
            )
            # Of threads that come here at once, all use the first one's.
            self._by_host.setdefault(host, self._by_proxy.setdefault(proxy, pools))
        return self._by_host[host]


def _whole(response: BaseHTTPResponse) -> bytes:
    """Return the body as it was sent, of which the connection closes after the limit. It is then one part longer.

    The read after the last part notices an answer that was cut off. A compressed answer was not asked for.
    """
    parts: list[bytes] = []
    size = 0
    while part := response.read(_PART, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > ANSWER_LIMIT:
            response.close()
            break
    return b"".join(parts)


def _late(host: str) -> TimedOut:
    return TimedOut(f"No whole answer of {host} came in time.", retryable=True)
