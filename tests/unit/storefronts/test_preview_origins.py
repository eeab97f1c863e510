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


class Office:
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
def office() -> Office:
    return Office()


def test_an_origin_is_allowed_until_its_end_and_the_policy_stays_as_it_is(office: Office) -> None:
    assert office.allow(TWO, 2 * HOUR) == NOW_S + 2 * HOUR
    assert office.allow(ONE) == NOW_S + HOUR
    assert list(office.current.items()) == [(ONE, NOW_S + HOUR), (TWO, NOW_S + 2 * HOUR)], "the first to end is first"

    office.clock.advance(HOUR)

    assert office.current == {TWO: NOW_S + 2 * HOUR}
    assert office.store.stored["acme"] == POLICY
    assert office.store.writes == []


def test_allowing_it_again_prolongs_it(office: Office) -> None:
    office.allow()
    office.clock.advance(HOUR / 2)

    assert office.allow() == NOW_S + HOUR / 2 + HOUR
    assert office.current == {ONE: NOW_S + HOUR / 2 + HOUR}


def test_an_ended_origin_is_dropped_by_the_next_write(office: Office) -> None:
    office.allow()
    office.clock.advance(HOUR)
    office.allow(TWO)

    assert set(office.store.previews["acme"][0]) == {TWO}


def test_there_is_room_for_fifty_that_have_not_ended(office: Office) -> None:
    for number in range(MAX_ORIGINS):
        office.allow(f"https://{number}.example.com", HOUR + number)

    with pytest.raises(Conflict, match="50 preview origins"):
        office.allow()
    office.allow("https://0.example.com", 3 * HOUR)  # one of them
    office.clock.advance(HOUR + 1)

    assert office.allow() == NOW_S + 2 * HOUR + 1
    assert len(office.current) == MAX_ORIGINS


def test_an_origin_is_removed_before_its_end_and_others_stay(office: Office) -> None:
    office.allow()
    office.allow(TWO)

    assert office.previews.remove("acme", ONE)
    assert not office.previews.remove("acme", ONE)
    assert set(office.current) == {TWO}
    office.clock.advance(HOUR)
    assert not office.previews.remove("acme", TWO), "it has ended"


@pytest.mark.parametrize(
    "origin", ["https://*.preview.example", f"{ONE}/", "http://preview.example", "null", None, [ONE]]
)
def test_only_an_exact_origin_is_taken(office: Office, origin: Any) -> None:
    for change in (partial(office.allow, origin), partial(office.previews.remove, "acme", origin)):
        with pytest.raises(InvalidRequest, match="'origin' must be"):
            change()
    assert office.store.reads == []


@pytest.mark.parametrize("stands", [None, Revisioned(document=None, revision=8)], ids=["none", "deleted"])
def test_without_a_policy_there_is_nothing_to_add_to(office: Office, stands: Revisioned[Any] | None) -> None:
    office.store.stored = {} if stands is None else {"acme": stands}

    for change in (office.allow, lambda: office.current, lambda: office.previews.remove("acme", ONE)):
        with pytest.raises(TrustPolicyNotFound, match="PUT one"):
            change()


# Others at the same time


def test_another_origin_that_came_between_is_kept(office: Office) -> None:
    office.store.meanwhile(lambda: office.store.replace_previews("acme", {TWO: NOW_S + HOUR}, expected=""))

    office.allow()

    assert set(office.current) == {ONE, TWO}


def test_a_policy_that_was_deleted_meanwhile_gets_no_origin(office: Office) -> None:
    office.store.meanwhile(lambda: office.store.stored.update(acme=Revisioned(document=None, revision=8)))

    with pytest.raises(TrustPolicyNotFound):
        office.allow()


def test_a_change_gives_up_where_others_never_stop(office: Office) -> None:
    office.allow()
    for change in (partial(office.allow, TWO), partial(office.previews.remove, "acme", ONE)):
        for number in range(MAX_ATTEMPTS):
            ends = {ONE: NOW_S + HOUR, f"https://{number}.example.com": NOW_S + HOUR}
            office.store.meanwhile(lambda ends=ends: office.store.previews.update(acme=(ends, f"{len(ends)}{ends}")))  # type: ignore[misc]
        with pytest.raises(Conflict, match="in a moment"):
            change()


def test_storage_that_is_down_is_said(office: Office) -> None:
    office.store.failure = StorageUnavailable("Later.")

    with pytest.raises(StorageUnavailable):
        office.allow()


def test_every_change_is_told_of(office: Office) -> None:
    office.allow()
    office.previews.remove("acme", ONE)
    office.previews.remove("acme", ONE)

    told = {"merchant": "acme", "origin": ONE, "caller": CALLER}
    assert office.telemetry.notices == [
        ("preview_origin_changed", {**told, "ends_at": NOW_S + HOUR}),
        ("preview_origin_changed", {**told, "ends_at": None}),
    ]
