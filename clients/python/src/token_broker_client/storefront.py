"""Get a merchant's tokens without AWS credentials, as a page or as a server or native app.

Each method raises `TokenBrokerError`. AWS_CA_BUNDLE names a file of certificates, as for the AWS CLI.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from token_broker_client.api import ApiTransport, checked
from token_broker_client.broker import ATTEMPTS, TIMEOUT
from token_broker_client.connections import Connections
from token_broker_client.errors import ProofUnavailable, TokenBrokerError
from token_broker_client.models import Token
from token_broker_client.operations import CLIENT_OPERATIONS, STOREFRONT_OPERATIONS, Operation, header_value
from token_broker_client.retries import Retries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Storefront:
    """Get the tokens that a page gets. `url` is the API's address, and `origin` a page's in the trust policy.

    Raises `ValueError` for another address, and `InvalidRequest` for an origin that cannot be a header.
    """

    def __init__(
        self, url: str, merchant: str, *, origin: str | None = None, timeout: float = TIMEOUT, attempts: int = ATTEMPTS
    ) -> None:
        self._sender = _Sender(url, merchant, timeout, attempts)
        self._origin: dict[str, str] = {} if origin is None else {"Origin": header_value("origin", origin)}

    def shopify_token(self) -> Token:
        """Return the shop's current Shopify token."""
        return self._sender.token(STOREFRONT_OPERATIONS["shopify/storefront_access_token"], lambda: self._origin)

    def fourthwall_token(self) -> Token:
        """Return the shop's Fourthwall token."""
        return self._sender.token(STOREFRONT_OPERATIONS["fourthwall/public_token"], lambda: self._origin)

    def chicksx_token(self, session_id: str, proof: str, *, scope: Sequence[str] | None = None) -> Token:
        """Return the token of the checkout session that the proof (a JWT) is for."""
        headers = {**self._origin, **_bearer(proof)}
        listed = None if scope is None else list(scope)
        operation = STOREFRONT_OPERATIONS["chicksx/public_token"]
        return self._sender.token(operation, lambda: headers, sessionId=session_id, scope=listed)

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()


class ShopClient:
    """Get the shop's tokens for a server or a native app, with a proof that the trust policy's member `shop` accepts.

    `proof` returns the JWT, such as `ProofSigner.sign_client`. It is called for each attempt. The call raises
    `ProofUnavailable` if it returns nothing, or raises anything but a `TokenBrokerError`.
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
        return self._sender.token(CLIENT_OPERATIONS["shopify/storefront_access_token"], self._identity)

    def fourthwall_token(self) -> Token:
        """Return the shop's Fourthwall token."""
        return self._sender.token(CLIENT_OPERATIONS["fourthwall/public_token"], self._identity)

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def _identity(self) -> dict[str, str]:
        try:
            proof = self._proof()
        except TokenBrokerError:
            raise
        except Exception as failure:  # noqa: BLE001  # it is the caller's own function
            # Its message can have the proof or a key.
            raise ProofUnavailable(f"The function that returns the proof failed ({type(failure).__name__}).") from None
        if not proof:
            raise ProofUnavailable("The function that returns the proof returned none.")
        return _bearer(proof)


def _bearer(proof: str) -> dict[str, str]:
    """Return the header with the proof. Raises `InvalidRequest`, which does not show it."""
    return {"Authorization": f"Bearer {header_value('proof', proof)}"}


class _Sender:
    """Send requests that nobody signs."""

    def __init__(self, url: str, merchant: str, timeout: float, attempts: int) -> None:
        self._url = checked(url)
        self._merchant = merchant
        self._timeout = timeout
        self._attempts = attempts
        self._connections = Connections(os.environ.get("AWS_CA_BUNDLE") or None)

    def token(self, operation: Operation, identity: Callable[[], Mapping[str, str]], **fields: Any) -> Token:
        """Return the token in the answer. `identity` returns the headers that say who calls, for each attempt."""

        def identify(_method: str, _url: str, headers: Mapping[str, str], _body: bytes | None) -> Mapping[str, str]:
            return {**headers, **identity()}

        transport = ApiTransport(self._url, identify, self._connections)
        retries = Retries(transport, timeout=self._timeout, attempts=self._attempts)
        return retries.call(operation, {"merchant": self._merchant, **fields}).read(Token)

    def close(self) -> None:
        self._connections.close()
