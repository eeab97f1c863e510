"""Preview origins: exact origins that end by themselves, beside a policy that does not change."""

from functools import partial
from typing import Any

import pytest

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.documents import MemoryPolicies
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import policy
from token_broker.errors import Conflict, InvalidRequest, StorageUnavailable, TrustPolicyNotFound
from token_broker.ports.documents import Revisioned
from token_broker.storefronts.preview_origins import MAX_ATTEMPTS, MAX_ORIGINS, PreviewOrigins

HOUR = 60 * 60
ONE, TWO = "https://one.preview.example", "https://two.preview.example"
NOW_S = int(NOW)
CALLER = "arn:aws:iam::123456789012:role/ci"
POLICY = Revisioned(document=policy(), revision=7, changed_by="ann")


class Setup:
    """The operations, with everything around them."""

    def __init__(self) -> None:
        self.store = MemoryPolicies()
        self.store.stored["acme"] = POLICY
        self.clock = MovableClock()
        self.telemetry = RecordingTelemetry()
        self.previews = PreviewOrigins(self.store, self.clock, self.telemetry, caller=CALLER)

    def allow(self, origin: Any = ONE, seconds: int = HOUR) -> int:
        return self.previews.allow("acme", origin, seconds)

    @property
    def current(self) -> dict[str, int]:
        return self.previews.current("acme")


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_an_origin_is_allowed_until_its_end_and_the_policy_stays_as_it_is(setup: Setup) -> None:
    assert setup.allow(TWO, 2 * HOUR) == NOW_S + 2 * HOUR
    assert setup.allow(ONE) == NOW_S + HOUR
    assert list(setup.current.items()) == [(ONE, NOW_S + HOUR), (TWO, NOW_S + 2 * HOUR)], "the first to end is first"

    setup.clock.advance(HOUR)

    assert setup.current == {TWO: NOW_S + 2 * HOUR}
    assert setup.store.stored["acme"] == POLICY
    assert setup.store.writes == []


def test_allowing_it_again_prolongs_it(setup: Setup) -> None:
    setup.allow()
    setup.clock.advance(HOUR / 2)

    assert setup.allow() == NOW_S + HOUR / 2 + HOUR
    assert setup.current == {ONE: NOW_S + HOUR / 2 + HOUR}


def test_an_ended_origin_is_dropped_by_the_next_write(setup: Setup) -> None:
    setup.allow()
    setup.clock.advance(HOUR)
    setup.allow(TWO)

    assert set(setup.store.previews["acme"][0]) == {TWO}


def test_there_is_room_for_fifty_that_have_not_ended(setup: Setup) -> None:
    for number in range(MAX_ORIGINS):
        setup.allow(f"https://{number}.example.com", HOUR + number)

    with pytest.raises(Conflict, match="50 preview origins"):
        setup.allow()
    setup.allow("https://0.example.com", 3 * HOUR)  # one of them
    setup.clock.advance(HOUR + 1)

    assert setup.allow() == NOW_S + 2 * HOUR + 1
    assert len(setup.current) == MAX_ORIGINS


def test_an_origin_is_removed_before_its_end_and_others_stay(setup: Setup) -> None:
    setup.allow()
    setup.allow(TWO)

    assert setup.previews.remove("acme", ONE)
    assert not setup.previews.remove("acme", ONE)
    assert set(setup.current) == {TWO}
    setup.clock.advance(HOUR)
    assert not setup.previews.remove("acme", TWO), "it has ended"


@pytest.mark.parametrize(
    "origin", ["https://*.preview.example", f"{ONE}/", "http://preview.example", "null", None, [ONE]]
)
def test_only_an_exact_origin_is_taken(setup: Setup, origin: Any) -> None:
    for change in (partial(setup.allow, origin), partial(setup.previews.remove, "acme", origin)):
        with pytest.raises(InvalidRequest, match="'origin' must be"):
            change()
    assert setup.store.reads == []


@pytest.mark.parametrize("stands", [None, Revisioned(document=None, revision=8)], ids=["none", "deleted"])
def test_without_a_policy_there_is_nothing_to_add_to(setup: Setup, stands: Revisioned[Any] | None) -> None:
    setup.store.stored = {} if stands is None else {"acme": stands}

    for change in (setup.allow, lambda: setup.current, lambda: setup.previews.remove("acme", ONE)):
        with pytest.raises(TrustPolicyNotFound, match="PUT one"):
            change()


# Others at the same time


def test_another_origin_that_came_between_is_kept(setup: Setup) -> None:
    setup.store.meanwhile(lambda: setup.store.replace_previews("acme", {TWO: NOW_S + HOUR}, expected=""))

    setup.allow()

    assert set(setup.current) == {ONE, TWO}


def test_a_policy_that_was_deleted_meanwhile_gets_no_origin(setup: Setup) -> None:
    setup.store.meanwhile(lambda: setup.store.stored.update(acme=Revisioned(document=None, revision=8)))

    with pytest.raises(TrustPolicyNotFound):
        setup.allow()


def test_a_change_gives_up_where_others_never_stop(setup: Setup) -> None:
    setup.allow()
    for change in (partial(setup.allow, TWO), partial(setup.previews.remove, "acme", ONE)):
        for number in range(MAX_ATTEMPTS):
            ends = {ONE: NOW_S + HOUR, f"https://{number}.example.com": NOW_S + HOUR}
            setup.store.meanwhile(lambda ends=ends: setup.store.previews.update(acme=(ends, f"{len(ends)}{ends}")))  # type: ignore[misc]
        with pytest.raises(Conflict, match="in a moment"):
            change()


def test_storage_that_is_down_is_said(setup: Setup) -> None:
    setup.store.failure = StorageUnavailable("Later.")

    with pytest.raises(StorageUnavailable):
        setup.allow()


def test_every_change_is_told_of(setup: Setup) -> None:
    setup.allow()
    setup.previews.remove("acme", ONE)
    setup.previews.remove("acme", ONE)

    told = {"merchant": "acme", "origin": ONE, "caller": CALLER}
    assert setup.telemetry.notices == [
        ("preview_origin_changed", {**told, "ends_at": NOW_S + HOUR}),
        ("preview_origin_changed", {**told, "ends_at": None}),
    ]
