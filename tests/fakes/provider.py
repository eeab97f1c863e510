"""Providers that live in memory: they make tokens on their own, or answer what a test wrote down."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.samples import minted
from token_broker.clock import Clock, Deadline
from token_broker.domain.token import ProviderToken
from token_broker.errors import (
    InvalidRequest,
    MerchantMisconfigured,
    ProviderFailure,
    ProviderUnavailable,
    RequestOutcome,
    TokenLimitReached,
)
from token_broker.ports.provider import Account, Capabilities, ListedToken, MintRequest

type RevocationStatus = ProviderToken | ProviderFailure | Callable[[Account, MintRequest], ProviderToken]


class ScriptedProvider:
    """The `Provider` port. `script` holds the outcomes of the next mints; after it, each mint makes one more token."""

    def __init__(self, clock: Clock, name: str, capabilities: Capabilities) -> None:
        self.name = name
        self.capabilities = capabilities
        self.script: list[RevocationStatus] = []
        self.mints: list[tuple[Account, MintRequest]] = []
        #: Seconds that each mint was given.
        self.budgets: list[float] = []
        self.forgotten: list[Account] = []
        #: Seconds that a token lives; None is for ever.
        self.life: int | None = None
        #: The shop that every secret names.
        self.account_id = ""
        self._clock = clock
        self._made = 0

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        if "key" not in secret:
            raise MerchantMisconfigured(f"The secret of merchant '{merchant}' has no field 'key'.")
        return Account(merchant, dict(secret), account_id=self.account_id)

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        self.mints.append((account, mint_request))
        self.budgets.append(deadline.left())
        if not self.script:
            return self.make(mint_request)
        outcome = self.script.pop(0)
        if isinstance(outcome, ProviderFailure):
            raise outcome
        return outcome if isinstance(outcome, ProviderToken) else outcome(account, mint_request)

    def make(self, mint_request: MintRequest) -> ProviderToken:
        """One more token."""
        self._made += 1
        now = int(self._clock.now())
        ends = None if self.life is None else now + self.life
        return minted(str(1000 + self._made), issued_at=now, expires_at=ends, title=mint_request.title)

    def make_after(self, action: Callable[[], object]) -> RevocationStatus:
        """Script an outcome: something happens while the provider is asked, then it makes a token."""

        def act(_account: Account, mint_request: MintRequest) -> ProviderToken:
            action()
            return self.make(mint_request)

        return act

    def make_and_fail(self, failure: ProviderFailure) -> RevocationStatus:
        """Script an outcome: the provider acts, and its response is not usable."""

        def act(_account: Account, mint_request: MintRequest) -> ProviderToken:
            self.make(mint_request)
            raise failure

        return act

    def invalidate_credentials(self, account: Account) -> None:
        self.forgotten.append(account)


class ScriptedListingProvider(ScriptedProvider):
    """Implement `ListingProvider` from a script.

    `listed` holds what the provider has, by id. `fail` maps an operation to the failures of its next calls.
    """

    def __init__(self, clock: Clock, name: str, capabilities: Capabilities) -> None:
        super().__init__(clock, name, capabilities)
        self.listed: dict[str, ListedToken] = {}
        self.failures: dict[str, list[ProviderFailure]] = {"list": [], "revoke": []}
        self.list_calls = 0
        #: How many tokens there can be; None is any number.
        self.places: int | None = None
        self.revoked: list[str] = []
        #: What was asked for, of whose account, and the seconds that it was given.
        self.asked: list[tuple[str, str, float]] = []

    def make(self, mint_request: MintRequest) -> ProviderToken:
        if self.places is not None and len(self.listed) >= self.places:
            raise TokenLimitReached("Every place is taken.")
        made = super().make(mint_request)
        self.put(made, mint_request.title or "")
        return made

    def put(self, made: ProviderToken, title: str) -> None:
        """Have a token stand at the provider, whoever made it."""
        self.listed[made.token_id] = ListedToken(token=made, title=title)

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        self.list_calls += 1
        self._ask("list", account, deadline)
        return list(self.listed.values())

    def check_token_id(self, token_id: str) -> None:
        if not token_id.isdecimal():
            raise InvalidRequest("'tokenId' must be a number.")

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        self.revoked.append(token_id)
        self._ask("revoke", account, deadline)
        self.listed.pop(token_id, None)

    def _ask(self, operation: str, account: Account, deadline: Deadline) -> None:
        self.asked.append((operation, account.merchant, deadline.left()))
        if self.failures[operation]:
            raise self.failures[operation].pop(0)


def lost() -> ProviderUnavailable:
    """Return the failure of a request without a response. The provider may have acted."""
    return ProviderUnavailable(
        "The provider did not answer in time.", retry_after=1, request_outcome=RequestOutcome.UNKNOWN
    )


def down() -> ProviderUnavailable:
    """Return the failure of a request that was never sent."""
    return ProviderUnavailable("The provider could not be reached.", retry_after=1)


def timed_out() -> ProviderUnavailable:
    """Return the failure of a request that timed out. The provider may still be acting."""
    return ProviderUnavailable(
        "The provider did not answer in time.", retry_after=1, request_outcome=RequestOutcome.IN_FLIGHT
    )
