"""What one call works with: the ports, and who asks until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from token_broker.errors import MerchantMisconfigured, ProviderRejectedCredentials
from token_broker.ports.provider import Account, Provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Clock, Deadline
    from token_broker.domain.grant import Grant
    from token_broker.ports.secrets import Secrets
    from token_broker.ports.store import TokenStore
    from token_broker.ports.telemetry import Telemetry
    from token_broker.tokens.cache import TokenCache

#: Seconds for everything that is asked of a provider within one call.
PROVIDER_BUDGET = 15.0
#: Seconds to wait for another's mint.
WAIT_FOR_OTHERS = 5.0


@dataclass(frozen=True, slots=True)
class Call[P: Provider]:
    """One call's surroundings. `margin`: the seconds that a stored token must have left to be served again.

    `grant` bounds what a storefront may have; there is none where IAM has judged the caller. `provide` makes the
    provider's client at its first use: what asks nothing of a provider needs no address of it either.
    """

    provider_factory: Callable[[], P]
    secrets: Secrets
    store: TokenStore
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
        """The provider's client. Raises `ProviderNotConfigured` where the stack has no address for it."""
        return self.provider_factory()

    def account(self, merchant: str, *, fresh: bool = False) -> Account:
        """The merchant's account. Raises `MerchantNotFound`, `MerchantMisconfigured`."""
        try:
            return self.provider.account(merchant, self.secrets.read(merchant, fresh=fresh))
        except MerchantMisconfigured:
            if fresh:
                raise
            # What memory holds may have been put right since.
            return self.provider.account(merchant, self.secrets.read(merchant, fresh=True))

    def with_credential_refresh[T](self, merchant: str, operation: Callable[[Account], T]) -> T:
        """Ask the provider; where it refuses the credentials, once more: the secret may have changed."""
        account = self.account(merchant)
        try:
            return operation(account)
        except ProviderRejectedCredentials:
            self.provider.invalidate_credentials(account)
            return operation(self.account(merchant, fresh=True))
