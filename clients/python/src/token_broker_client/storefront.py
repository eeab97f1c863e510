"""Get tokens as a storefront does, without AWS credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from token_broker_client.api import ApiTransport
from token_broker_client.broker import ATTEMPTS, TIMEOUT
from token_broker_client.connections import Connections
from token_broker_client.models import Token
from token_broker_client.operations import STOREFRONT_OPERATIONS
from token_broker_client.retries import Retries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Storefront:
    """Get one merchant's public tokens. `url` is the API's address, and `origin` that of a page in its trust policy.

    Each method raises `TokenBrokerError`.
    """

    def __init__(
        self, url: str, merchant: str, *, origin: str | None = None, timeout: float = TIMEOUT, attempts: int = ATTEMPTS
    ) -> None:
        self._url = url
        self._merchant = merchant
        self._origin: dict[str, str] = {} if origin is None else {"Origin": origin}
        self._connections = Connections()
        self._timeout = timeout
        self._attempts = attempts

    def shopify_token(self) -> Token:
        """Return the shop's current Shopify token."""
        return self._token("shopify/storefront_access_token", {})

    def fourthwall_token(self) -> Token:
        """Return the shop's Fourthwall token."""
        return self._token("fourthwall/public_token", {})

    def chicksx_token(self, session_id: str, proof: str, *, scope: Sequence[str] | None = None) -> Token:
        """Return the token of the checkout session that the proof (a JWT) is for."""
        fields = {"sessionId": session_id, "scope": None if scope is None else list(scope)}
        return self._token("chicksx/public_token", fields, {"Authorization": f"Bearer {proof}"})

    def _token(self, name: str, fields: Mapping[str, Any], proof: Mapping[str, str] | None = None) -> Token:
        def identify(_method: str, _url: str, headers: Mapping[str, str], _body: bytes | None) -> Mapping[str, str]:
            return {**headers, **self._origin, **(proof or {})}

        transport = ApiTransport(self._url, identify, self._connections)
        retries = Retries(transport, timeout=self._timeout, attempts=self._attempts)
        return retries.call(STOREFRONT_OPERATIONS[name], {"merchant": self._merchant, **fields}).read(Token)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
