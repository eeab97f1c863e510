"""Trust policies in memory: how long one is believed, and how many are kept."""

from typing import Any

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.bounded_cache import MAX_ENTRIES
from token_broker.errors import Forbidden, StorageUnavailable
from token_broker.ports.documents import StoredPolicy
from token_broker.storefronts.admission import ABSENT_TTL_SECONDS, TTL_SECONDS, Admission
from token_broker.storefronts.trust_policy import TrustPolicy

OLD = TrustPolicy(("https://old.example",), frozenset(), None)
NEW = TrustPolicy(("https://new.example",), frozenset(), None)


class Reading:
    """Ask an authorizer's process for policies, and count how often it reads one. `seconds` is how long that takes."""

    def __init__(self, clock: MovableClock, *, seconds: float = 0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._admission = Admission(self.read, clock, RecordingTelemetry(), lambda document: document)
        self.answer: Any = OLD
        self.reads = 0

    def __call__(self, merchant: str = "acme") -> TrustPolicy | None:
        try:
            return self._admission.policy(merchant)
        except Forbidden:
            return None

    def read(self, _merchant: str) -> StoredPolicy:
        self.reads += 1
        self._clock.advance(self._seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return StoredPolicy(self.answer)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def ask(clock: MovableClock) -> Reading:
    return Reading(clock)


def test_the_lives_leave_room_for_the_gateways_minute() -> None:
    """A change takes effect within 90 s, of which the gateway may cache a result for 60."""
    assert 0 < ABSENT_TTL_SECONDS < TTL_SECONDS <= 30


@pytest.mark.parametrize(("first", "life"), [(OLD, TTL_SECONDS), (None, ABSENT_TTL_SECONDS)])
def test_a_policy_and_sooner_its_absence_are_believed_for_their_life(
    clock: MovableClock, ask: Reading, first: TrustPolicy | None, life: float
) -> None:
    """To be used does not prolong it."""
    ask.answer = first
    ask()
    ask.answer = NEW
    clock.advance(life - 0.5)
    assert (ask(), ask("other"), ask.reads) == (first, NEW, 2)
    clock.advance(0.5)

    assert (ask(), ask.reads) == (NEW, 3)


def test_a_policys_life_begins_before_it_is_read(clock: MovableClock) -> None:
    """What was read may have been changed since, while the answer was on its way."""
    slow = Reading(clock, seconds=2)
    slow()
    clock.advance(TTL_SECONDS - 2)

    slow()

    assert slow.reads == 2


def test_a_failure_is_raised_and_not_remembered_and_no_old_policy_stands_in(clock: MovableClock, ask: Reading) -> None:
    ask()
    ask.answer = StorageUnavailable("Later.")
    clock.advance(TTL_SECONDS)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            ask()
    ask.answer = NEW

    assert (ask(), ask.reads) == (NEW, 4)


def test_names_without_a_policy_displace_no_policy(ask: Reading) -> None:
    ask("acme")
    reads, ask.answer = ask.reads, None
    for number in range(MAX_ENTRIES + 50):
        ask(f"nobody-{number}")

    assert ask("acme") == OLD
    assert ask.reads == reads + MAX_ENTRIES + 50
