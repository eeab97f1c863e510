"""A provider with the tokens of many merchants, and what it does to who asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.clock import MovableClock
from tests.fakes.provider import down, lost, timed_out
from tests.fakes.samples import minted
from tests.lifecycle.actors import GO, Actor
from token_broker.clock import Deadline
from token_broker.domain.ownership_tag import parse_title
from token_broker.domain.token import ProviderToken
from token_broker.errors import MerchantMisconfigured, ProviderRejectedCredentials, ProviderThrottled
from token_broker.ports.provider import Account, Capabilities, ListedToken, MintRequest

DOWN, THROTTLED, REFUSED = "the provider is down", "the provider throttles", "the provider refuses the credentials"
LOST, LOST_UNDONE = "acted, and the answer is lost", "not acted, and nobody knows"
LATE, UNLISTED = "acts after the time-out", "acts, and lists it later"
FAULTS = (DOWN, THROTTLED, REFUSED, LOST, LOST_UNDONE, LATE, UNLISTED)

_REFUSALS: Mapping[str, Callable[[], Exception]] = {
    DOWN: down,
    THROTTLED: lambda: ProviderThrottled("Slower, please.", retry_after=2),
    REFUSED: lambda: ProviderRejectedCredentials("The provider refuses the merchant's credentials."),
    LOST_UNDONE: lost,
}
#: Seconds: less than is left to a provider that may still be working, and than a rotation takes to look again.
LATE_BY, LISTED_AFTER = 2.0, 20.0


@dataclass
class Shops:
    """What stands at the provider. `dead_at` is when a token ended there, on the monotonic clock."""

    clock: MovableClock
    capabilities: Capabilities
    name: str
    life: int | None = None
    tokens: dict[str, dict[str, ListedToken]] = field(default_factory=dict)
    hidden_until: dict[str, float] = field(default_factory=dict)
    dead_at: dict[str, float] = field(default_factory=dict)
    #: By subject: who is being waited for, until when at the latest (monotonic).
    minting: dict[tuple[str, str], float] = field(default_factory=dict)
    late: int = 0
    made: int = 0

    def make(self, merchant: str, order: MintRequest, *, hidden: bool = False) -> ProviderToken:
        self.made += 1
        now = int(self.clock.now())
        ends = None if self.life is None else now + self.life
        made = minted(f"{self.name}-{self.made}", issued_at=now, expires_at=ends, title=order.title)
        self.tokens.setdefault(merchant, {})[made.token_id] = ListedToken(token=made, title=order.title or "")
        if hidden:
            self.hidden_until[made.token_id] = self.clock.monotonic() + LISTED_AFTER
        return made

    def listed(self, merchant: str) -> list[ListedToken]:
        now = self.clock.monotonic()
        return [each for key, each in self.tokens.get(merchant, {}).items() if self.hidden_until.get(key, 0) <= now]

    def end(self, merchant: str, token_id: str) -> None:
        if self.tokens.get(merchant, {}).pop(token_id, None) is not None:
            self.dead_at[token_id] = self.clock.monotonic()

    def make_late(self, subject: tuple[str, str], order: MintRequest) -> None:
        """Act after the caller has stopped waiting."""

        def act() -> None:
            self.late -= 1
            self.minting.pop(subject, None)
            self.make(subject[0], order)

        self.late += 1
        self.clock.plan(LATE_BY, act)


class AskedProvider:
    """A provider, as one actor sees it. Without an actor nothing goes wrong."""

    def __init__(self, provider: Any, actor: Actor | None) -> None:
        self._actor = actor
        self.name, self.capabilities = provider.name, provider.capabilities

    def _ask(self, operation: str, deadline: Deadline) -> str:
        told = GO if self._actor is None else self._actor.stop(operation)
        if deadline.left() <= 0:
            raise down()  # as the HTTP client: nothing is sent any more
        if told in _REFUSALS:
            refuse = _REFUSALS[told]
            raise refuse()
        return told

    def _answer(self, told: str, deadline: Deadline) -> None:
        if self._actor is not None:
            self._actor.stop("the answer")
        if told == LOST:
            raise lost()
        if deadline.left() <= 0:
            raise timed_out()


class AskedShops(AskedProvider):
    """The provider with the tokens of many merchants."""

    def __init__(self, shops: Shops, actor: Actor | None) -> None:
        super().__init__(shops, actor)
        self._shops = shops

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        if "key" not in secret:
            raise MerchantMisconfigured("The secret has no field 'key'.")
        return Account(merchant, dict(secret))

    def invalidate_credentials(self, account: Account) -> None: ...

    def check_token_id(self, token_id: str) -> None: ...

    def mint(self, account: Account, order: MintRequest, deadline: Deadline) -> ProviderToken:
        told = self._ask("mint", deadline)
        subject = account.merchant, _subject(order)
        self._begin(subject, deadline)
        if told == LATE:
            self._shops.make_late(subject, order)
            raise timed_out()
        try:
            made = self._shops.make(account.merchant, order, hidden=told == UNLISTED)
            self._answer(told, deadline)
        finally:
            if self._shops.minting.get(subject) == deadline.at:
                self._shops.minting.pop(subject)
        return made

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        told = self._ask("list_tokens", deadline)
        listed = self._shops.listed(account.merchant)
        self._answer(told, deadline)
        return listed

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        told = self._ask("revoke", deadline)
        self._shops.end(account.merchant, token_id)
        self._answer(told, deadline)

    def _begin(self, subject: tuple[str, str], deadline: Deadline) -> None:
        waited_for = self._shops.minting.get(subject)
        now = self._shops.clock.monotonic()
        assert waited_for is None or waited_for <= now, f"two mints at once for {subject}"
        self._shops.minting[subject] = deadline.at


def _subject(order: MintRequest) -> str:
    """For a shop's current token one, for a standing token its intent, for a session the session."""
    if order.session_id is not None:
        return f"session:{order.session_id}"
    mark = parse_title(order.title or "")
    return "shop" if mark.title == "Token Broker" else f"intent:{mark.intent_id}"
