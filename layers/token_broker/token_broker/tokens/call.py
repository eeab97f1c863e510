"""Hold what one call works with: the parts of its process, the caller and the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from token_broker.errors import MerchantMisconfigured, ProviderRejectedCredentials
from token_broker.ports.provider import Account, Provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Clock, Deadline
    from token_broker.domain.grant import Grant
    from token_broker.ports.secrets import Secrets
    from token_broker.ports.store import Store
    from token_broker.ports.telemetry import Telemetry
    from token_broker.tokens.cache import TokenCache

#: Seconds for all requests to a provider within one call.
PROVIDER_BUDGET = 15.0
#: Seconds to wait for another caller's mint.
WAIT_FOR_OTHERS = 5.0

#: Covariant, which the short syntax does not infer for a named tuple.
P_co = TypeVar("P_co", bound=Provider, default=Provider, covariant=True)


class Services(NamedTuple, Generic[P_co]):
    """Hold what lives as long as the process.

    `make_provider` returns the provider's client, which is made at its first use. A call that sends no request needs no
    provider address. `min_remaining_seconds` is the remaining lifetime that a stored token needs to be served.
    """

    make_provider: Callable[[], P_co]
    secrets: Secrets
    store: Store
    cache: TokenCache
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    min_remaining_seconds: float


class Call(Generic[P_co]):
    """Hold what belongs to one request, with the services of its process.

    `grant` limits a storefront, and is None for a caller that IAM has authorized.
    """

    def __init__(self, services: Services[P_co], caller: str, deadline: Deadline, grant: Grant | None = None) -> None:
        self.caller = caller
        self.deadline = deadline
        self.grant = grant
        self.secrets, self.store, self.cache = services.secrets, services.store, services.cache
        self.clock, self.telemetry, self.jitter = services.clock, services.telemetry, services.jitter
        self.min_remaining_seconds = services.min_remaining_seconds
        self._services = services

    @property
    def provider(self) -> P_co:
        """Return the provider's client. Raises `ProviderNotConfigured` if the stack has no address for it."""
        return self._services.make_provider()

    def as_caller(self, name: str) -> Call[P_co]:
        """Return this call with another caller."""
        return Call(self._services, name, self.deadline, self.grant)

    def account(self, merchant: str, *, fresh: bool = False) -> Account:
        """Return the merchant's account. `fresh` skips the cache of secrets.

        Raises `MerchantNotFound` or `MerchantMisconfigured`.
        """
        try:
            return self.provider.account(merchant, self.secrets.read(merchant, fresh=fresh))
        except MerchantMisconfigured:
            if fresh:
                raise
            # The cached secret may have been corrected since.
            return self.provider.account(merchant, self.secrets.read(merchant, fresh=True))

    def with_credential_refresh[T](self, merchant: str, operation: Callable[[Account], T]) -> T:
        """Run the operation, and once more with a fresh secret if the provider rejects the credentials."""
        account = self.account(merchant)
        try:
            return operation(account)
        except ProviderRejectedCredentials:
            self.provider.invalidate_credentials(account)
            return operation(self.account(merchant, fresh=True))
