"""The lifecycle as a Hypothesis state machine: several merchants, operations beside each other, faults and a clock.

Each operation is paused at each of its calls to the storage, to the secrets or to a provider (`actors`). Hypothesis
chooses who goes on, what the call ends with, and how the clock moves. The rules are checked after each step; at the end
everybody comes to an end, the clock's worker runs until nothing is due, and table and provider must say the same.

A further operation is one more method with `@precondition(has_room)` and `@rule` that calls `begin` (and a line in
`several_at_once`); a further fault is a word in `FAULTS`.
"""

from collections.abc import Callable
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.fakes.clock import MovableClock
from tests.fakes.secrets import MemorySecrets
from tests.fakes.surroundings import LISTING, MARGIN, services
from tests.fakes.wrapped_store import wrapped
from tests.lifecycle import shops
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
from tests.lifecycle.ledger import Ledger
from tests.lifecycle.rules import assert_each_change_is_told_once, assert_values
from tests.lifecycle.shops import AskedShops, Shops
from token_broker.clock import Deadline
from token_broker.domain.ownership_tag import parse_title, tag_title
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SERVABLE, Reason, State, Token
from token_broker.lifecycle.rotate import rotate
from token_broker.lifecycle.worker import maintain
from token_broker.ports.provider import Capabilities, ListingProvider, MintRequest
from token_broker.ports.store import Store
from token_broker.tokens.cache import TTL_SECONDS, TokenCache
from token_broker.tokens.call import Call
from token_broker.tokens.close_session import close_session
from token_broker.tokens.issue import session_token, shop_token, standing_token
from token_broker.tokens.listing import list_tokens
from token_broker.tokens.revoke import revoke

MERCHANTS = ("acme", "bolt", "coil")
SESSIONS = ("s-1", "s-2")
SHOP_LIKE, SESSION_LIKE = "shopify", "chicksx"
#: Seconds of a function, and of the clock's worker; the most that two machines' clocks differ; a session's token.
FUNCTION, WORKER, SKEW, SESSION_LIFE = 23.0, 48.0, 3.0, 600
#: Operations that run at once.
CROWD = 4
FAULTS = (KILL, STORAGE_FAILS, ANSWER_LOST, *shops.FAULTS)
#: More runs of the clock than any history here needs until nothing is due, with the pauses between them in seconds.
ROUNDS, PAUSE, OVERLAP = 40, 3_601, 7 * 24 * 3600

#: One of them has most of what happens, so that it happens to each other.
merchants = st.sampled_from(["acme", "acme", "acme", *MERCHANTS])
sessions = st.sampled_from([SESSIONS[0], *SESSIONS])
numbers = st.integers(0, 1000)
turns = turns_of(CROWD, FAULTS)
schedules = st.lists(turns, min_size=3, max_size=12)


def has_room(machine: "Lifecycle") -> bool:
    """Whether one more operation can begin."""
    return len(machine.crowd.actors) < CROWD


class JumpingClock(MovableClock):
    """Wall time can also jump, within what two machines' clocks differ by."""

    skew = 0.0

    def skew_to(self, skew: float) -> None:
        self._now += skew - self.skew
        self.skew = skew


class Lifecycle(RuleBasedStateMachine):
    """`_new_store` gives a provider's store and the view on it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = JumpingClock()
        self.shops = {
            SHOP_LIKE: Shops(self.clock, LISTING, SHOP_LIKE),
            SESSION_LIKE: Shops(self.clock, Capabilities(sessions=True, expires=True), SESSION_LIKE, SESSION_LIFE),
        }
        made = {name: self._new_store(name) for name in self.shops}
        self.stores: dict[str, Store] = {name: store for name, (store, _) in made.items()}
        self.ledgers: dict[str, Ledger] = {name: ledger for name, (_, ledger) in made.items()}
        self.ledger = self.ledgers[SHOP_LIKE]
        self.secrets = MemorySecrets(**{merchant: {"key": "k"} for merchant in MERCHANTS})
        #: Of two processes of the function that serves the current token.
        self.memories = [TokenCache(self.clock), TokenCache(self.clock)]
        self.crowd = Crowd(self.look)
        self.foreign: dict[str, str] = {}
        #: What was asked to be revoked by name.
        self.named: set[str] = set()
        #: Since when a token is not to be served, and since when a session is closed (monotonic).
        self.ended: dict[str, float] = {}
        self.seen: set[str] = set()
        self.closed: dict[tuple[str, str], float] = {}
        #: What may not live on, by the compromised rotation that says so; and those that have failed for good.
        self.condemned: dict[str, set[str]] = {}
        self.failed: set[str] = set()

    def _new_store(self, provider: str) -> tuple[Store, Ledger]:
        raise NotImplementedError

    @initialize(already=st.lists(st.sampled_from(MERCHANTS), unique=True))
    def some_are_served_already(self, already: list[str]) -> None:
        for merchant in already:
            shop_token(self._quiet_call(), merchant)

    # Operations

    @precondition(has_room)
    @rule(merchant=merchants, process=st.integers(0, 1))
    def ask_for_the_shops_token(self, merchant: str, process: int) -> None:
        started = self.clock.monotonic()

        def work(call: Call[ListingProvider]) -> None:
            self.check_served(shop_token(call, merchant), started)

        self.begin(f"shop_token({merchant})", SHOP_LIKE, work, memory=self.memories[process])

    @precondition(has_room)
    @rule(merchant=merchants, key=st.sampled_from([None, "key-1"]))
    def create_a_standing_token(self, merchant: str, key: str | None) -> None:
        def work(call: Call[ListingProvider]) -> None:
            standing_token(call, merchant, "Kiosk", key)

        self.begin(f"standing_token({merchant})", SHOP_LIKE, work)

    @precondition(has_room)
    @rule(merchant=merchants, compromised=st.booleans())
    def rotate(self, merchant: str, compromised: bool) -> None:
        def work(call: Call[ListingProvider]) -> None:
            rotate(call, merchant, compromised=compromised)

        self.begin(f"rotate({merchant}, {compromised=})", SHOP_LIKE, work)

    @precondition(has_room)
    @rule(merchant=merchants, which=numbers)
    def revoke_one_of_ours(self, merchant: str, which: int) -> None:
        known = [record.token_id for record in self.ledger.records() if record.merchant == merchant]
        known += [key for key in self.shops[SHOP_LIKE].tokens.get(merchant, {}) if key not in known]
        ours = [key for key in known if key not in self.foreign]
        if ours:
            self._revoke(merchant, ours[which % len(ours)], foreign=False)

    @precondition(has_room)
    @rule(which=numbers, foreign=st.booleans())
    def revoke_a_foreign_one(self, which: int, foreign: bool) -> None:
        theirs = [key for key in self.foreign if key not in self.named]
        if theirs:
            token_id = theirs[which % len(theirs)]
            self._revoke(self.foreign[token_id], token_id, foreign=foreign)

    def _revoke(self, merchant: str, token_id: str, *, foreign: bool) -> None:
        if foreign or token_id not in self.foreign:
            self.named.add(token_id)
        self.begin(
            f"revoke({merchant}, {token_id})",
            SHOP_LIKE,
            lambda call: revoke(call, merchant, token_id, foreign=foreign),
        )

    @precondition(has_room)
    @rule(merchant=merchants)
    def list_all(self, merchant: str) -> None:
        self.begin(f"list({merchant})", SHOP_LIKE, lambda call: list_tokens(call, merchant))

    @precondition(has_room)
    @rule(after=st.sampled_from([0.0, 0.0, 45.0, PAUSE]), which=numbers)
    def work_on_what_is_due(self, after: float, which: int) -> None:
        self.clock.advance(after)
        waiting = [(merchant, due) for merchant in MERCHANTS if (due := self.ledger.due(merchant))]
        if waiting:
            merchant, due = waiting[which % len(waiting)]
            what = f"maintain({merchant}, {due})"
            self.begin(what, SHOP_LIKE, lambda call: maintain(call, merchant, due), caller="queue", seconds=WORKER)

    @precondition(has_room)
    @rule(merchant=merchants, session=sessions)
    def ask_for_a_sessions_token(self, merchant: str, session: str) -> None:
        started, now = self.clock.monotonic(), self.clock.now()

        def work(call: Call[ListingProvider]) -> None:
            token, _ = session_token(cast("Any", call), merchant, session, None)
            closed = self.closed.get((merchant, session))
            assert closed is None or closed >= started, f"{session} of {merchant} was closed when it was asked for"
            assert token.left(now) > 0, "it had expired when it was asked for"

        self.begin(f"session_token({merchant}, {session})", SESSION_LIKE, work, memory=self.memories[0])

    @precondition(has_room)
    @rule(merchant=merchants, session=sessions)
    def place_the_order(self, merchant: str, session: str) -> None:
        def work(call: Call[ListingProvider]) -> None:
            close_session(cast("Any", call), merchant, session, "order")
            self.closed.setdefault((merchant, session), self.clock.monotonic())

        self.begin(f"close({merchant}, {session})", SESSION_LIKE, work)

    # How they meet

    @precondition(has_room)
    @rule(
        merchant=merchants,
        what=st.lists(st.integers(0, 9), min_size=2, max_size=CROWD),
        schedule=st.lists(turns, min_size=8, max_size=24),
    )
    def several_at_once(self, merchant: str, what: list[int], schedule: list[tuple[int, int, str]]) -> None:
        """Operations for one merchant, beside each other."""
        kinds: tuple[Callable[[], None], ...] = (
            lambda: self.ask_for_the_shops_token(merchant, 0),
            lambda: self.ask_for_the_shops_token(merchant, 1),
            lambda: self.rotate(merchant, False),
            lambda: self.rotate(merchant, True),
            lambda: self.revoke_one_of_ours(merchant, schedule[0][1]),
            lambda: self.create_a_standing_token(merchant, "key-1"),
            lambda: self.work_on_what_is_due(45.0, schedule[0][1]),
            lambda: self.ask_for_a_sessions_token(merchant, SESSIONS[0]),
            lambda: self.ask_for_a_sessions_token(merchant, SESSIONS[0]),
            lambda: self.place_the_order(merchant, SESSIONS[0]),
        )
        for kind in what:
            if has_room(self):
                kinds[kind]()
        self.go_on(schedule)

    # What happens around them

    @precondition(lambda self: self.crowd.actors)
    @rule(schedule=schedules)
    def go_on(self, schedule: list[tuple[int, int, str]]) -> None:
        """Run some calls of one actor, then of another. The last call of each turn ends as told."""
        self.crowd.take_turns(schedule, self.clock)

    @precondition(lambda self: len(self.crowd.actors) == CROWD)
    @rule(which=numbers, calls=st.integers(1, 12), told=st.sampled_from(FAULTS))
    def come_to_an_end(self, which: int, calls: int, told: str) -> None:
        """All calls of one of them, one of which ends as told."""
        self.crowd.finish(self.crowd.turn(which, calls, told))

    @rule(seconds=st.sampled_from([0.5, 2, 5, 11, 31, 41, 61, 130, 700, 3601, 8 * 24 * 3600]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # A provider that is still working may not be met by a clock that jumps: nobody could tell how long to wait for it.
    @precondition(lambda self: not any(each.late for each in self.shops.values()))
    @rule(skew=st.sampled_from([0.0, -1.0, -SKEW]))
    def set_the_wall_clock(self, skew: float) -> None:
        self.clock.skew_to(skew)

    @rule(process=st.integers(0, 1))
    def replace_a_process(self, process: int) -> None:
        self.memories[process] = TokenCache(self.clock)

    @rule(merchant=merchants)
    def somebody_else_makes_a_token(self, merchant: str) -> None:
        shop = self.shops[SHOP_LIKE]
        theirs = tag_title("Theirs", "another2", "c" * 26) if len(self.foreign) % 2 else "Theirs"
        self.foreign[shop.make(merchant, MintRequest(title=theirs)).token_id] = merchant

    @rule(merchant=merchants)
    def delete_or_restore_a_secret(self, merchant: str) -> None:
        if merchant in self.secrets.stored:
            self.secrets.delete(merchant)
        else:
            self.secrets.stored[merchant] = {"key": "k"}

    # Rules

    @invariant()
    def nothing_is_lost(self) -> None:
        """Check that each live token of ours has a fitting record or an open intent."""
        states = {record.token_id: record.state for record in self.ledger.records()}
        intents = self.ledger.open_intents()
        for tokens in self.shops[SHOP_LIKE].tokens.values():
            for token_id, listed in tokens.items():
                if token_id in self.foreign:
                    continue
                expected = states.get(token_id, State.LOST) not in {State.REVOKED, State.LOST}
                assert expected or parse_title(listed.title).intent_id in intents, f"{token_id} is lost"

    @invariant()
    def foreign_tokens_are_intact(self) -> None:
        for token_id, merchant in self.foreign.items():
            if token_id not in self.named:
                assert token_id in self.shops[SHOP_LIKE].tokens[merchant], f"{token_id} is not ours to end"

    @invariant()
    def at_most_one_is_current(self) -> None:
        records = self.ledger.records()
        for merchant in MERCHANTS:
            current = {each.token_id for each in records if each.merchant == merchant and each.state is State.CURRENT}
            served = self.ledger.current(merchant)
            assert current == (set() if served is None else {served.token_id})
        now = self.clock.now()
        sessions = [
            (each.merchant, each.subject) for each in self.ledgers[SESSION_LIKE].records() if each.left(now) > MARGIN
        ]
        assert len(sessions) == len(set(sessions)), "a session has two tokens"

    @invariant()
    def ended_tokens_have_no_value_and_all_is_told(self) -> None:
        records = self.ledger.records()
        assert_values(records)
        assert_each_change_is_told_once(records, self.ledger.told())

    def check_served(self, token: Token, started: float) -> None:
        """Check that the token was valid when it was requested, except for what a 30 s cache may have missed."""
        assert token.access_token is not None
        ended = self.ended.get(token.token_id)
        assert ended is None or ended >= started - TTL_SECONDS, f"{token.token_id} ended long ago"
        if token.token_id not in self.named:
            dead = self.shops[SHOP_LIKE].dead_at.get(token.token_id)
            assert dead is None or dead >= started, f"{token.token_id} did not work any more"

    # How it runs

    def begin(
        self,
        name: str,
        provider: str,
        work: Callable[[Call[ListingProvider]], object],
        *,
        memory: TokenCache | None = None,
        caller: str = "ann",
        seconds: float = FUNCTION,
    ) -> None:
        """One more operation; it stops before its first call."""

        def run(actor: Actor) -> object:
            asked = cast("ListingProvider", AskedShops(self.shops[provider], actor))
            store = wrapped(self.stores[provider], lambda port: stopping(port, actor))
            secrets, clock = stopping(self.secrets, actor), StoppingClock(self.clock, actor)
            around = services(asked, secrets, store, clock, cache=memory)
            return work(Call(around, caller, Deadline.after(self.clock, seconds)))

        self.crowd.begin(Actor(name, self.clock.monotonic, run))

    def look(self) -> None:
        """Note what has ended, and what may not live on."""
        records, now = self.ledger.records(), self.clock.monotonic()
        for record in records:
            if record.state not in SERVABLE:
                self.ended.setdefault(record.token_id, now)
            elif record.token_id not in self.seen and record.history[0].reason == Reason.ROTATED:
                hidden = self.shops[SHOP_LIKE].hidden_until.get(record.token_id, 0.0)
                assert hidden <= now, f"{record.token_id} has another's place, and was not listed yet"
            self.seen.add(record.token_id)
        for rotation in self.ledger.rotations():
            if rotation.compromised and rotation.rotation_id not in self.condemned:
                self.condemned[rotation.rotation_id] = {
                    each.token_id
                    for each in records
                    if each.merchant == rotation.merchant and each.state in {State.CURRENT, State.RETIRING}
                }
            self._look_at_end(rotation, records)

    def _look_at_end(self, rotation: Rotation, records: list[Token]) -> None:
        if rotation.open:
            return
        if rotation.failure is not None:
            self.failed.add(rotation.rotation_id)
            return
        for record in records:
            if record.token_id in self.condemned.get(rotation.rotation_id, ()):
                assert record.state not in SERVABLE, f"{record.token_id} was compromised, and is served"

    def teardown(self) -> None:
        """Everybody comes to an end, and the clock's worker brings what is left to its own."""
        try:
            self.crowd.end()
            self._settle()
            self._check_rules()
            self._check_end()
        finally:
            self.crowd.abandon()

    def _settle(self) -> None:
        for merchant in MERCHANTS:
            self.secrets.stored[merchant] = {"key": "k"}
        for number in range(ROUNDS):
            self.clock.advance(OVERLAP if number % 10 == 5 else PAUSE)
            for merchant in MERCHANTS:
                maintain(self._quiet_call(), merchant, self.ledger.due(merchant))
            self.look()
            if not self._unfinished():
                return
        raise AssertionError(f"it never ends: {self._unfinished()}")

    def _unfinished(self) -> list[object]:
        to_end = {State.REVOKING, State.RETIRING}
        states = [(each.token_id, each.state) for each in self.ledger.records() if each.state in to_end]
        rotations = [rotation for rotation in self.ledger.rotations() if rotation.open]
        return [*states, *rotations, *self.ledger.open_intents()]

    def _quiet_call(self) -> Call[ListingProvider]:
        provider = cast("ListingProvider", AskedShops(self.shops[SHOP_LIKE], None))
        around = services(provider, self.secrets, self.stores[SHOP_LIKE], self.clock)
        return Call(around, "queue", Deadline.after(self.clock, WORKER))

    def _check_rules(self) -> None:
        self.nothing_is_lost()
        self.foreign_tokens_are_intact()
        self.at_most_one_is_current()
        self.ended_tokens_have_no_value_and_all_is_told()

    def _check_end(self) -> None:
        """Table and provider say the same; what may not live on has ended."""
        records = self.ledger.records()
        alive = {each.token_id for each in records if each.state in SERVABLE}
        there = {key for tokens in self.shops[SHOP_LIKE].tokens.values() for key in tokens if key not in self.foreign}
        assert alive == there
        for rotation_id, tokens in self.condemned.items():
            if rotation_id not in self.failed:
                assert not tokens & there, f"{tokens & there} was compromised, and lives on"
