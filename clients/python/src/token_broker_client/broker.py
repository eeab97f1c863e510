"""Give access to one deployed stack."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal, Self

from token_broker_client.api import ApiTransport
from token_broker_client.aws import Signer
from token_broker_client.direct import DirectTransport
from token_broker_client.operations import OPERATIONS
from token_broker_client.providers import ChicksX, Fourthwall, Previews, Shopify, TrustPolicies
from token_broker_client.retries import Retries
from token_broker_client.stack import read_stack

if TYPE_CHECKING:
    from token_broker_client.transport import Answer, Transport

#: Seconds for a whole call, and the attempts within them.
TIMEOUT, ATTEMPTS = 30.0, 4


class Merchant:
    """Give access to what one merchant has at each provider."""

    def __init__(self, broker: TokenBroker, name: str) -> None:
        def call(operation: str, /, **fields: Any) -> Answer:
            return broker.call(operation, **fields, merchant=name)

        self.name = name
        self.shopify = Shopify(call)
        self.fourthwall = Fourthwall(call)
        self.chicksx = ChicksX(call)
        self.trust_policy = TrustPolicies(call)
        self.preview_origins = Previews(call)


class TokenBroker:
    """Call one stack. Threads may share it.

    `timeout` is in seconds, for a whole call with all its attempts. `attempts` counts the first one, too.
    """

    def __init__(self, transport: Transport, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> None:
        self._retries = Retries(transport, timeout=timeout, attempts=attempts)

    @classmethod
    def from_stack(
        cls,
        name: str,
        *,
        transport: Literal["api", "lambda"] = "api",
        session: Any = None,
        region: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> TokenBroker:
        """Return a client of the stack with this name, from the parameter `/token-broker/{name}`.

        `transport` is the API, or the direct invocation of the functions. `session` is a session of boto3 or botocore.
        Raises `TokenBrokerError`.
        """
        if transport not in ("api", "lambda"):
            raise ValueError("transport must be 'api' or 'lambda'.")
        signer = Signer(session, region)
        stack = read_stack(name, signer)
        chosen = (
            DirectTransport(stack.functions, signer)
            if transport == "lambda"
            else ApiTransport.signed(stack.api_url, signer)
        )
        return cls(chosen, timeout=timeout, attempts=attempts)

    @classmethod
    def at(
        cls,
        url: str,
        *,
        session: Any = None,
        region: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> TokenBroker:
        """Return a client of the API at this address, the stack's output `ApiUrl`."""
        return cls(ApiTransport.signed(url, Signer(session, region)), timeout=timeout, attempts=attempts)

    def merchant(self, name: str) -> Merchant:
        """Return what this merchant has. No request is sent."""
        return Merchant(self, name)

    def call(self, operation: str, /, **fields: Any) -> Answer:
        """Call an operation by its function's folder, such as `shopify/rotate`, with its fields by their JSON names.

        The merchants' methods are made of this. Fields that are None are left out. An operation that takes an
        idempotency key gets one, so that its retries create nothing twice. Raises `TokenBrokerError`, and `KeyError`
        for an unknown operation.
        """
        called = OPERATIONS[operation]
        if "idempotencyKey" in called.headers and fields.get("idempotencyKey") is None:
            fields["idempotencyKey"] = secrets.token_urlsafe(18)
        return self._retries.call(called, fields)

    def close(self) -> None:
        """Close the connections."""
        self._retries.transport.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()
