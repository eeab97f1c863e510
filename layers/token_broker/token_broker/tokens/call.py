"""Hold what one call works with: the services of its process, the caller and the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


class Services[P: Provider = Provider]:
    """Hold what all calls of a process work with.

    `min_remaining_seconds` is the remaining lifetime that a stored token needs to be served. `provider_factory` creates
    the provider's client at its first use, since a call that sends no request needs no provider address.
    """

    def __init__(
        self,
        *,
        provider_factory: Callable[[], P],
        secrets: Secrets,
        store: Store,
        cache: TokenCache,
        clock: Clock,
        telemetry: Telemetry,
        jitter: Callable[[], float],
        min_remaining_seconds: float,
    ) -> None:
        self._provider_factory = provider_factory
        self.secrets = secrets
        self.store = store
        self.cache = cache
        self.clock = clock
        self.telemetry = telemetry
        self.jitter = jitter
        self.min_remaining_seconds = min_remaining_seconds

    @property
    def provider(self) -> P:
        """Return the provider's client. Raises `ProviderNotConfigured` if the stack has no address for it."""
        return self._provider_factory()


class Call[P: Provider = Provider]:
    """Hold what one request works with: the services, and its own limits.

    `grant` limits a storefront, and is None for a caller that IAM has authorized.
    """

    __slots__ = (
        "_services",
        "cache",
        "caller",
        "clock",
        "deadline",
        "grant",
        "jitter",
        "min_remaining_seconds",
        "secrets",
        "store",
        "telemetry",
    )

    def __init__(self, services: Services[P], caller: str, deadline: Deadline, grant: Grant | None = None) -> None:
        self._services = services
        self.secrets = services.secrets
        self.store = services.store
        self.cache = services.cache
        self.clock = services.clock
        self.telemetry = services.telemetry
        self.jitter = services.jitter
        self.min_remaining_seconds = services.min_remaining_seconds
        self.caller = caller
        self.deadline = deadline
        self.grant = grant

    @property
    def provider(self) -> P:
        """Return the provider's client. Raises `ProviderNotConfigured` if the stack has no address for it."""
        return self._services.provider

    def as_caller(self, name: str) -> Call[P]:
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
