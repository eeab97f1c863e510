"""Hold what one call works with: the parts of its process, the caller and the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from token_broker.errors import MerchantMisconfigured, ProviderRejectedCredentials
from token_broker.ports.provider import Account, AppProvider, Provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Clock, Deadline
    from token_broker.domain.grant import Grant
    from token_broker.ports.provider import Capabilities
    from token_broker.ports.secrets import ProviderSecrets
    from token_broker.ports.store import Store
    from token_broker.ports.telemetry import Telemetry
    from token_broker.tokens.cache import TokenCache
    from token_broker.tokens.sign_in import SignIns

#: Seconds for all requests to a provider within one call.
PROVIDER_BUDGET = 15.0
#: Seconds to wait for another caller's mint.
WAIT_FOR_OTHERS = 5.0

#: Covariant, which the short syntax does not infer for a named tuple.
P_co = TypeVar("P_co", bound=Provider, default=Provider, covariant=True)


class Services(NamedTuple, Generic[P_co]):
    """Hold what lives as long as the process.

    `make_provider` returns the provider's client, which is made at its first use. A call that sends no request needs no
    provider address, since `capabilities` are known without the client. `min_remaining_seconds` is the remaining
    lifetime that a stored token needs to be served. `make_sign_ins` returns what the process knows of expiring
    credentials.
    """

    make_provider: Callable[[], P_co]
    capabilities: Capabilities
    secrets: ProviderSecrets
    store: Store
    cache: TokenCache
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    min_remaining_seconds: float
    make_sign_ins: Callable[[], SignIns]


class Call(Generic[P_co]):
    """Hold what belongs to one request, with the services of its process.

    `grant` limits a storefront or client, and is None for a caller that IAM has authorized.
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

    @property
    def capabilities(self) -> Capabilities:
        """Return what the provider can do."""
        return self._services.capabilities

    def as_caller(self, name: str) -> Call[P_co]:
        """Return this call with another caller."""
        return Call(self._services, name, self.deadline, self.grant)

    @property
    def sign_ins(self) -> SignIns:
        """Return what the process knows of expiring credentials."""
        return self._services.make_sign_ins()

    def account(self, merchant: str, *, fresh: bool = False) -> Account:
        """Return the merchant's account. `fresh` skips the cache of secrets.

        Raises `MerchantNotFound` or `MerchantMisconfigured`.
        """
        try:
            return self._read_account(merchant, fresh=fresh)
        except MerchantMisconfigured:
            if fresh:
                raise
            # The cached secret may have been corrected since.
            return self._read_account(merchant, fresh=True)

    def _read_account(self, merchant: str, *, fresh: bool) -> Account:
        account = self.provider.account(merchant, self.secrets.read(merchant, fresh=fresh))
        if not account.app:
            return account
        provider = cast("AppProvider", self.provider)  # only such a provider has accounts of shared apps
        return provider.with_app(account, self.secrets.read_app(account.app, fresh=fresh))

    def with_credential_refresh[T](self, merchant: str, operation: Callable[[Account], T]) -> T:
        """Run the operation, and once more with a fresh secret if the provider rejects the credentials."""
        account = self.account(merchant)
        if not account.origin:
            try:
                return operation(account)
            except ProviderRejectedCredentials:
                self.provider.invalidate_credentials(account)
                account = self.account(merchant, fresh=True)
            if not account.origin:
                return operation(account)
        from token_broker.tokens.sign_in import run_signed_in

        return run_signed_in(self, account, operation)
