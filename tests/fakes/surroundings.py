"""One call's surroundings, all of them in memory: the type checker holds each fake against its port here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.clock import MovableClock
from tests.fakes.documents import MemoryPolicies
from tests.fakes.pairs import MemorySessionSecrets, PairProvider
from tests.fakes.provider import ScriptedListingProvider, ScriptedProvider
from tests.fakes.secrets import MemorySecrets
from tests.fakes.store import MemoryStore
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.clock import Clock, Deadline
from token_broker.domain.grant import Grant
from token_broker.ports.provider import Capabilities, ListingProvider, Provider
from token_broker.ports.secrets import ProviderSecrets, SessionSecrets
from token_broker.ports.store import Store
from token_broker.ports.telemetry import Telemetry
from token_broker.tokens.cache import TokenCache
from token_broker.tokens.call import Call, Services
from token_broker.tokens.sign_in import SignIns

MARGIN = 60.0
CALLER = "arn:aws:iam::123456789012:role/storefront"
DAY = 24 * 60 * 60

LISTING = Capabilities(lists=True, revokes=True, supports_title_tag=True, rotates=True, renews=True, limit=100)
ONE_TOKEN = Capabilities(renews=True, recheck_after=DAY)
SESSIONS = Capabilities(sessions=True, expires=True)


def no_sign_ins() -> SignIns:
    """Stand for the expiring credentials of a merchant who has none."""
    raise AssertionError("no secret here has a refresh token")


def services[P: Provider](
    provider: P,
    secrets: ProviderSecrets,
    store: Store,
    clock: Clock,
    make_sign_ins: Callable[[], SignIns] = no_sign_ins,
    *,
    cache: TokenCache | None = None,
    telemetry: Telemetry | None = None,
) -> Services[P]:
    """Return what one process has."""
    return Services(
        make_provider=lambda: provider,
        capabilities=provider.capabilities,
        secrets=secrets,
        store=store,
        cache=cache or TokenCache(clock),
        clock=clock,
        telemetry=telemetry or RecordingTelemetry(),
        jitter=lambda: 0.5,
        min_remaining_seconds=MARGIN,
        make_sign_ins=make_sign_ins,
    )


class Surroundings[P: ScriptedProvider]:
    """A stack with one provider and the merchant `acme`. Each `call` is one request to one process of it."""

    def __init__(self, clock: MovableClock, provider: P) -> None:
        self.clock = clock
        self.provider = provider
        self.secrets = MemorySecrets(acme={"key": "first-key"})
        self.store = MemoryStore(clock)
        self.telemetry = RecordingTelemetry()
        self.cache = TokenCache(clock)
        self.session_secrets = MemorySessionSecrets()
        self.sign_ins = self.new_sign_ins()

    def new_sign_ins(self) -> SignIns:
        secrets: SessionSecrets = self.session_secrets
        return SignIns(secrets, self.clock)

    def _call[Q: Provider](self, provider: Q, caller: str, seconds: float, grant: Grant | None) -> Call[Q]:
        more: dict[str, Any] = {"cache": self.cache, "telemetry": self.telemetry}
        around = services(provider, self.secrets, self.store, self.clock, lambda: self.sign_ins, **more)
        return Call(around, caller, Deadline.after(self.clock, seconds), grant)

    def call(self, caller: str = CALLER, seconds: float = 23.0, grant: Grant | None = None) -> Call[Provider]:
        """One request; `seconds` is the time that its function has, `grant` what bounds a storefront."""
        return self._call(self.provider, caller, seconds, grant)

    def forget_memory(self) -> None:
        """Go on in another process."""
        self.cache = TokenCache(self.clock)
        self.sign_ins = self.new_sign_ins()


class ListingStack(Surroundings[ScriptedListingProvider]):
    """The same around a provider that lists and revokes."""

    def listing_call(
        self, caller: str = CALLER, seconds: float = 23.0, grant: Grant | None = None
    ) -> Call[ListingProvider]:
        """One request to such a provider."""
        provider: ListingProvider = self.provider
        return self._call(provider, caller, seconds, grant)


def one_token_stack() -> Surroundings[ScriptedProvider]:
    """Build a stack whose provider keeps one token for each shop, checked again after a day."""
    clock = MovableClock()
    return Surroundings(clock, ScriptedProvider(clock, "fourthwall", ONE_TOKEN))


def session_stack() -> Surroundings[ScriptedProvider]:
    """Build a stack whose provider has tokens for checkout sessions that live for an hour."""
    clock = MovableClock()
    stack = Surroundings(clock, ScriptedProvider(clock, "chicksx", SESSIONS))
    stack.provider.life = 3600
    return stack


def listing_stack() -> ListingStack:
    """Build a stack whose provider lists, revokes, and keeps our tag in its titles."""
    clock = MovableClock()
    return ListingStack(clock, ScriptedListingProvider(clock, "shopify", LISTING))


class PairStack(ListingStack):
    """The same around a provider whose access tokens expire. The merchant's secret has a refresh token."""

    provider: PairProvider


def pair_stack() -> PairStack:
    """Build a stack whose merchant `acme` has authorized an app with expiring tokens."""
    clock = MovableClock()
    provider = PairProvider(clock, "shopify", LISTING)
    stack = PairStack(clock, provider)
    stack.secrets.stored["acme"] = {"refreshToken": provider.authorize()}
    return stack


@dataclass
class Broker:
    """A stack in memory for each provider, and the trust policies."""

    fourthwall: Surroundings[ScriptedProvider] = field(default_factory=one_token_stack)
    chicksx: Surroundings[ScriptedProvider] = field(default_factory=session_stack)
    shopify: ListingStack = field(default_factory=listing_stack)
    policies: MemoryPolicies = field(default_factory=MemoryPolicies)
