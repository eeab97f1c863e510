"""Get a merchant's tokens without AWS credentials, as a page or as a server or native app.

Each method raises `TokenBrokerError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from token_broker_client.api import ApiTransport
from token_broker_client.broker import ATTEMPTS, TIMEOUT
from token_broker_client.connections import Connections
from token_broker_client.models import Token
from token_broker_client.operations import CLIENT_OPERATIONS, STOREFRONT_OPERATIONS, Operation
from token_broker_client.retries import Retries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Storefront:
    """Get the tokens that a page gets. `url` is the API's address, and `origin` a page's in the trust policy."""

    def __init__(
        self, url: str, merchant: str, *, origin: str | None = None, timeout: float = TIMEOUT, attempts: int = ATTEMPTS
    ) -> None:
        self._sender = _Sender(url, merchant, timeout, attempts)
        self._origin: dict[str, str] = {} if origin is None else {"Origin": origin}

    def shopify_token(self) -> Token:
        """Return the shop's current Shopify token."""
        return self._sender.token(STOREFRONT_OPERATIONS["shopify/storefront_access_token"], self._origin)

    def fourthwall_token(self) -> Token:
        """Return the shop's Fourthwall token."""
        return self._sender.token(STOREFRONT_OPERATIONS["fourthwall/public_token"], self._origin)

    def chicksx_token(self, session_id: str, proof: str, *, scope: Sequence[str] | None = None) -> Token:
        """Return the token of the checkout session that the proof (a JWT) is for."""
        headers = {**self._origin, "Authorization": f"Bearer {proof}"}
        listed = None if scope is None else list(scope)
        operation = STOREFRONT_OPERATIONS["chicksx/public_token"]
        return self._sender.token(operation, headers, sessionId=session_id, scope=listed)

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()


class ShopClient:
    """Get the shop's tokens for a server or a native app, with a proof that the trust policy's member `shop` accepts.

    `proof` returns the JWT, such as `ProofSigner.sign_client`. It is called for each request.
    """

    def __init__(
        self,
        url: str,
        merchant: str,
        proof: Callable[[], str],
        *,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._sender = _Sender(url, merchant, timeout, attempts)
        self._proof = proof

    def shopify_token(self) -> Token:
        """Return the shop's current Shopify token."""
        return self._sender.token(CLIENT_OPERATIONS["shopify/storefront_access_token"], self._headers())

    def fourthwall_token(self) -> Token:
        """Return the shop's Fourthwall token."""
        return self._sender.token(CLIENT_OPERATIONS["fourthwall/public_token"], self._headers())

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._proof()}"}


class _Sender:
    """Send requests that nobody signs."""

    def __init__(self, url: str, merchant: str, timeout: float, attempts: int) -> None:
        self._url = url
        self._merchant = merchant
        self._timeout = timeout
        self._attempts = attempts
        self._connections = Connections()

    def token(self, operation: Operation, identity: Mapping[str, str], **fields: Any) -> Token:
        """Return the token in the answer. `identity` are headers that say who calls."""

        def identify(_method: str, _url: str, headers: Mapping[str, str], _body: bytes | None) -> Mapping[str, str]:
            return {**headers, **identity}

        transport = ApiTransport(self._url, identify, self._connections)
        retries = Retries(transport, timeout=self._timeout, attempts=self._attempts)
        return retries.call(operation, {"merchant": self._merchant, **fields}).read(Token)

    def close(self) -> None:
        self._connections.close()
