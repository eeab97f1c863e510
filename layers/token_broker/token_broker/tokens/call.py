"""Hold what one call works with: the ports, the caller and the deadline."""

from __future__ import annotations

from copy import replace
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Call[P: Provider]:
    """Hold the ports and the limits of one call.

    `min_remaining_seconds` is the remaining lifetime that a stored token needs to be served. `grant` limits a
    storefront, and is None for a caller that IAM has authorized. `provider_factory` creates the provider's client at
    its first use, since a call that sends no request needs no provider address.
    """

    provider_factory: Callable[[], P]
    secrets: Secrets
    store: Store
    cache: TokenCache
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    min_remaining_seconds: float
    caller: str
    deadline: Deadline
    grant: Grant | None = None

    @property
    def provider(self) -> P:
        """Return the provider's client. Raises `ProviderNotConfigured` if the stack has no address for it."""
        return self.provider_factory()

    def as_caller(self, caller: str) -> Call[P]:
        """Return the same call for another caller's name in the records."""
        return replace(self, caller=caller)

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
