"""Expiring credentials as a Hypothesis state machine: callers, the worker and migrations beside each other.

It runs as `machine` does: Hypothesis chooses who goes on, what the call ends with, and how the clock moves. It also
stores another secret, ends the pair from outside, and restores the table.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.fakes.clock import MovableClock
from tests.fakes.pairs import MemorySessionSecrets, PairProvider
from tests.fakes.secrets import MemorySecrets
from tests.fakes.store import MemoryStore
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import LISTING, services
from tests.fakes.wrapped_store import wrapped
from tests.lifecycle.actors import (
    ANSWER_LOST,
    KILL,
    STORAGE_FAILS,
    Actor,
    Crowd,
    StoppingClock,
    stopping,
    turns_of,
)
from tests.lifecycle.shops import DOWN, LOST, LOST_UNDONE, THROTTLED, AskedProvider
from token_broker.clock import Clock, Deadline
from token_broker.domain.credential_pair import CredentialPair, MerchantState, PairLease
from token_broker.errors import (
    PermanentTokenRefused,
    ProviderRejectedCredentials,
    ReauthorizationRequired,
)
from token_broker.lifecycle.migrate import migrate
from token_broker.lifecycle.worker import maintain
from token_broker.ports.provider import Account, ListedToken, ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.sign_in import IDLE, PAUSE_AFTER_REJECTION, RETRY_AFTER, SignIns

MERCHANT, SHOP = "acme", "acme.myshopify.com"
HOUR, FUNCTION, CROWD = 60 * 60, 23.0, 4
FAULTS = (KILL, STORAGE_FAILS, ANSWER_LOST, DOWN, THROTTLED, LOST, LOST_UNDONE)

numbers = st.integers(0, 1000)
schedules = st.lists(turns_of(CROWD, FAULTS), min_size=3, max_size=12)


class Process:
    """What one process of a function remembers."""

    def __init__(self, clock: Clock, stored: dict[str, Any], session_secrets: Any) -> None:
        self.secrets = MemorySecrets()
        self.secrets.stored = stored
        self.sign_ins = SignIns(session_secrets, clock)


class Pairs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = MovableClock()
        self.provider = PairProvider(self.clock, "shopify", LISTING)
        self.session_secrets = MemorySessionSecrets()
        self.stored: dict[str, Any] = {}
        self.store = MemoryStore(self.clock)
        self._watch_commits()
        self.processes = [self._new_process(), self._new_process()]
        self.crowd = Crowd(self.look)
        #: The access tokens of the pairs that the record has named.
        self.named: set[str] = set()
        #: How often a lease's fence has ended with a commit. A restored table counts them again.
        self.commits: Counter[int] = Counter()
        #: The permanent tokens whose migration an operator has confirmed.
        self.confirmed: set[str] = set()
        self.earlier: list[Any] = []
        self.restored = self.ended_outside = False

    def _item(self) -> Any:
        """Return the merchant's item as it stands."""
        pairs = self.store.pairs
        return pairs.items.get(MERCHANT), pairs.owners.get(MERCHANT)

    def _put_item(self, item: Any) -> None:
        parts: list[dict[str, Any]] = [self.store.pairs.items, self.store.pairs.owners]
        for kept, value in zip(parts, item, strict=True):
            kept.pop(MERCHANT, None)
            if value is not None:
                kept[MERCHANT] = value

    def _new_process(self) -> Process:
        return Process(self.clock, self.stored, self.session_secrets)

    def _watch_commits(self) -> None:
        pairs: Any = self.store.pairs
        commit = pairs.commit

        def counted(lease: PairLease, *arguments: Any) -> bool:
            done = bool(commit(lease, *arguments))
            self.commits[lease.fence] += done
            return done

        pairs.commit = counted

    @initialize(permanent=st.booleans())
    def the_operator_stores_the_first_secret(self, permanent: bool) -> None:
        self.store_a_secret(permanent)

    # Operations

    @precondition(lambda self: len(self.crowd.actors) < CROWD)
    @rule(process=st.integers(0, 1), what=st.sampled_from(["use", "use", "use", "work", "migrate"]))
    def begin(self, process: int, what: str) -> None:
        operation = {"use": self._use, "work": self._work, "migrate": self._migrate}[what]

        def run(actor: Actor) -> object:
            return operation(self._call(self.processes[process], actor))

        self.crowd.begin(Actor(what, self.clock.monotonic, run))

    @precondition(lambda self: not self.crowd.actors)
    @rule(
        what=st.lists(st.sampled_from(["use", "use", "work", "migrate"]), min_size=2, max_size=CROWD), turns=schedules
    )
    def several_at_the_hours_end(self, what: list[str], turns: list[tuple[int, int, str]]) -> None:
        self.clock.advance(HOUR)
        for number, each in enumerate(what):
            self.begin(number % 2, each)
        if self.crowd.actors:
            self.go_on(turns)

    def _use(self, call: Call[ListingProvider]) -> None:
        call.with_credential_refresh(MERCHANT, lambda account: call.provider.list_tokens(account, call.deadline))

    def _work(self, call: Call[ListingProvider]) -> None:
        maintain(call, MERCHANT, ["pair#shop"])

    def _migrate(self, call: Call[ListingProvider]) -> None:
        cast("Asked", call.provider).confirms = True
        migrate(call, MERCHANT, confirm=SHOP)

    # What happens around them

    @precondition(lambda self: self.crowd.actors)
    @rule(schedule=schedules)
    def go_on(self, schedule: list[tuple[int, int, str]]) -> None:
        self.crowd.take_turns(schedule, self.clock)

    @precondition(lambda self: self.crowd.actors)
    @rule(which=numbers, calls=st.integers(1, 12), told=st.sampled_from(FAULTS))
    def come_to_an_end(self, which: int, calls: int, told: str) -> None:
        self.crowd.finish(self.crowd.turn(which, calls, told))

    @rule(seconds=st.sampled_from([0.5, RETRY_AFTER, LEASE + 1, PAUSE_AFTER_REJECTION, HOUR - 200, HOUR, IDLE]))
    def let_time_pass(self, seconds: float) -> None:
        self.earlier.append(self._item())
        self.clock.advance(seconds)

    @rule(process=st.integers(0, 1))
    def replace_a_process(self, process: int) -> None:
        self.processes[process] = self._new_process()

    @rule(permanent=st.booleans())
    def store_a_secret(self, permanent: bool) -> None:
        """Have the merchant authorize the app again, which ends what it gave before, and store what it gives."""
        self.provider.permanent.clear()
        self.provider.live.clear()
        self.provider.given.clear()
        token = self.provider.give_permanent() if permanent else self.provider.authorize()
        self.stored[MERCHANT] = {"adminAccessToken" if permanent else "refreshToken": token}
        self.ended_outside = False

    @rule(at_once=st.booleans())
    def another_holder_ends_the_pair(self, at_once: bool) -> None:
        self.provider.authorize()
        if at_once:
            self.provider.access_ends.clear()
        self.ended_outside = True

    @precondition(lambda self: not self.crowd.actors and not self.ended_outside)
    @rule(hours=st.integers(1, 3), delete=st.booleans())
    def restore_the_table_of_some_hours_ago(self, hours: int, delete: bool) -> None:
        self.earlier.append(self._item())
        for _ in range(hours):
            self.clock.advance(HOUR)
            self._use(self._call(self._new_process()))
        if self._is_alive(self._newest()):
            self.restore_the_table(-1, delete)

    # A process that stores a pair an hour after it got it would hide the newest one. No function runs for so long.
    @precondition(lambda self: self.earlier and self._is_alive(self._newest()))
    @rule(which=numbers, delete=st.booleans())
    def restore_the_table(self, which: int, delete: bool) -> None:
        """Restore an earlier item. Secrets Manager may have deleted all but two versions."""
        self._put_item(self.earlier[which % len(self.earlier)])
        versions = self.session_secrets.versions.get(MERCHANT, {})
        if delete:
            for old in list(versions)[:-2]:
                del versions[old]
        self.commits.clear()
        self.restored = True

    # Rules

    def look(self) -> None:
        """Note which pair the record names."""
        record = self.store.pairs.get(MERCHANT)
        pair = self.session_secrets.versions.get(MERCHANT, {}).get(record.version_id or "")
        if pair is not None:
            self.named.add(pair.access_token)
        assert max(self.commits.values(), default=0) <= 1, "two holders of one lease"

    def check_used(self, access_token: str) -> None:
        """Check that the pair was named. Only the newest one may be unknown to the record, after a process has died."""
        self.look()
        if access_token in self.named:
            return
        newest, record = self._newest(), self.store.pairs.get(MERCHANT)
        assert newest is not None, "a pair was used before it was stored"
        assert newest.access_token == access_token, "a pair was used before it was stored"
        unknown = record.origin != newest.origin or self.restored or self.ended_outside
        assert unknown, "a pair was used before it was named"

    def check_sent(self, refresh_token: str) -> None:
        """Check that the pair which the record names is not sent after its replacement was used."""
        record = self.store.pairs.get(MERCHANT)
        named = self.session_secrets.versions.get(MERCHANT, {}).get(record.version_id or "")
        if named is None or named.refresh_token != refresh_token or self.restored or self.ended_outside:
            return
        account = self.provider.account(MERCHANT, self.stored[MERCHANT])
        if named.origin == account.origin:
            assert self._is_alive(named), "the record names a pair whose replacement was used"

    def _newest(self) -> CredentialPair | None:
        stored = self.session_secrets.read(MERCHANT)
        return None if stored is None else stored.pair

    def _is_alive(self, pair: CredentialPair | None) -> bool:
        return pair is not None and self._gives_a_pair(pair.refresh_token)

    def _gives_a_pair(self, token: str) -> bool:
        given = self.provider.given.get(token)
        live = self.provider.live.keys() | self.provider.permanent
        return token in live or (given is not None and given.refresh_token in live)

    # How it ends

    def teardown(self) -> None:
        try:
            self.crowd.end()
            if self.stored:
                self._settle()
        finally:
            self.crowd.abandon()

    def _settle(self) -> None:
        """Check that a use works, or that only another secret can help."""
        self.clock.advance(HOUR + LEASE)
        (secret,) = self.stored[MERCHANT].values()
        origin = self.provider.account(MERCHANT, self.stored[MERCHANT]).origin
        newest = self._newest()
        ours = self._gives_a_pair(secret) or (newest is not None and newest.origin == origin and self._is_alive(newest))
        assert ours or self.ended_outside, "the live pair is not stored"
        call = self._call(self._new_process())
        if not ours:
            self._recover(call)
        self._use(self._call(self._new_process()))
        assert self.store.pairs.get(MERCHANT).lease_ends_at <= self.clock.now()
        self.clock.advance(IDLE)
        self._work(self._call(self._new_process()))
        self._use(self._call(self._new_process()))

    def _recover(self, call: Call[ListingProvider]) -> None:
        try:
            self._use(call)
        except ReauthorizationRequired:
            assert self.store.pairs.get(MERCHANT).state is MerchantState.REAUTHORIZATION_REQUIRED
        except (ProviderRejectedCredentials, PermanentTokenRefused):
            assert "adminAccessToken" in self.stored[MERCHANT]
        else:
            raise AssertionError("a pair that somebody else has ended works")
        self.store_a_secret(permanent=False)

    def _call(self, process: Process, actor: Actor | None = None) -> Call[ListingProvider]:
        """Return a call of a process. Without an actor nothing goes wrong."""
        port, clock, store, sign_ins = cast("Any", Asked(self, actor)), self.clock, self.store, process.sign_ins
        secrets: Any = process.secrets
        if actor is not None:
            sign_ins = SignIns(stopping(self.session_secrets, actor), clock)
            sign_ins.known = process.sign_ins.known
            store, secrets = wrapped(store, lambda part: stopping(part, actor)), stopping(secrets, actor)
        seen = clock if actor is None else StoppingClock(clock, actor)
        around = services(port, secrets, store, seen, lambda: sign_ins)
        return Call(around, "ann", Deadline.after(clock, FUNCTION))


class Asked(AskedProvider):
    """The provider of pairs."""

    def __init__(self, machine: Pairs, actor: Actor | None) -> None:
        super().__init__(machine.provider, actor)
        self._machine, self._provider = machine, machine.provider
        #: Whether the secret that is read is the one whose migration is confirmed.
        self.confirms = False

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        if self.confirms:
            self._machine.confirmed.add(secret.get("adminAccessToken", ""))
        return self._provider.account(merchant, secret)

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        told = self._ask("refresh", deadline)
        self._machine.check_sent(refresh_token)
        pair = self._provider.refresh(account, refresh_token, deadline)
        self._answer(told, deadline)
        return pair

    def exchange(self, account: Account, deadline: Deadline) -> CredentialPair:
        told = self._ask("exchange", deadline)
        assert account.credentials["adminAccessToken"] in self._machine.confirmed, "nobody has confirmed this migration"
        pair = self._provider.exchange(account, deadline)
        self._answer(told, deadline)
        return pair

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        told = self._ask("list_tokens", deadline)
        if "accessToken" in account.credentials:
            self._machine.check_used(account.credentials["accessToken"])
        listed = self._provider.list_tokens(account, deadline)
        self._answer(told, deadline)
        return listed
