"""The table keeps a rotation request until its end and the outcome of the replaced token."""

from copy import replace
from typing import Any

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.outages import answer_lost, refusing
from tests.integration.support.store_harness import DAY, MERCHANT, NOW, SHOP, StoreBench, shop_token
from token_broker.aws.store.records import due_shard
from token_broker.domain.rotation import Rotation, RotationSchedule, RotationSettings, Succession
from token_broker.domain.token import Change, Reason, State
from token_broker.errors import MintInProgress, StorageUnavailable

NOW_S = int(NOW)
CLOCK = Change("clock", Reason.ROTATED)


def wish(rotation_id: str = "r-1", **changes: Any) -> Rotation:
    known: dict[str, Any] = {
        "merchant": MERCHANT,
        "rotation_id": rotation_id,
        "replaces": "1001",
        "compromised": False,
        "requested_by": "ann",
        "requested_at": NOW_S,
        "due_at": NOW_S + 40,
    }
    return Rotation(**{**known, **changes})


def requested(bench: StoreBench, rotation: Rotation | None = None) -> Rotation:
    store, asked = bench.store(), rotation or wish()
    assert store.request_rotation(asked, store.subject_state(MERCHANT, SHOP), store.rotation(MERCHANT))
    return asked


def successor(bench: StoreBench, state: State = State.RETIRING, until: int = NOW_S + DAY) -> None:
    """Another token takes the place of the one that is current."""
    store = bench.store()
    previous = store.subject_state(MERCHANT, SHOP).token
    assert previous is not None
    mint = bench.begin(store, "owner-of-rotation")
    taken = Succession(previous=previous, state=state, until=until, rotation_id="r-1")
    new = shop_token(str(int(previous.token_id) + 1), requested_by="ann")
    store.commit(mint, new, replaced=taken, reason=Reason.ROTATED)


def lines(bench: StoreBench, token_id: str) -> list[tuple[str, str | None, str, str]]:
    token = bench.store().get_token(MERCHANT, token_id)
    assert token is not None
    shown = [line.as_json() for line in token.history]
    return [(line["by"], line["from"], line["to"], line["why"]) for line in shown]


def failures(bench: StoreBench) -> list[tuple[Any, Any]]:
    items = [unpacked for unpacked in all_items(bench) if unpacked.get("type") == "RotationFailed"]
    return [(item["detail"]["code"], item["detail"]["retrying"]) for item in items]


def all_items(bench: StoreBench) -> list[dict[str, Any]]:
    """Return all items, including the events."""
    found = bench.dynamodb.scan(TableName=bench.table_name, ConsistentRead=True)["Items"]
    keys = [(item["pk"]["S"], item["sk"]["S"]) for item in found]
    return [item for pk, sk in keys if (item := bench.item(pk, sk)) is not None]


# The wish


def test_it_is_read_as_it_was_written_and_is_due_while_it_is_open(bench: StoreBench) -> None:
    rotation = requested(bench)

    assert bench.store().rotation(MERCHANT) == rotation
    assert ("shopify#acme", "rotation#shop") in bench.due()


def test_it_is_due_in_the_part_of_the_index_that_its_merchant_belongs_to(bench: StoreBench) -> None:
    assert due_shard("shopify#another") != due_shard("rotation#shop")
    requested(bench, wish(merchant="another"))

    item = bench.item("shopify#another", "rotation#shop")

    assert item is not None
    assert item["due"] == due_shard("shopify#another")


def test_without_one_there_is_none(bench: StoreBench) -> None:
    assert bench.store().rotation(MERCHANT) is None


def test_of_two_at_once_one_stands(bench: StoreBench) -> None:
    store = bench.store()
    seen = store.subject_state(MERCHANT, SHOP)

    outcomes = [store.request_rotation(wish(name), seen, None) for name in ("r-1", "r-2")]

    assert outcomes == [True, False]
    there = store.rotation(MERCHANT)
    assert there is not None
    assert there.rotation_id == "r-1"


def test_it_takes_the_place_only_of_the_one_that_was_seen(bench: StoreBench) -> None:
    store, seen = bench.store(), bench.store().subject_state(MERCHANT, SHOP)
    first = requested(bench)
    assert store.request_rotation(wish("r-2", compromised=True), seen, first)

    assert not store.request_rotation(wish("r-3"), seen, first)


def test_what_is_published_meanwhile_is_not_what_was_to_be_replaced(bench: StoreBench) -> None:
    store = bench.store()
    seen = store.subject_state(MERCHANT, SHOP)
    bench.issue(store, shop_token())

    assert not store.request_rotation(wish(), seen, None)
    assert store.rotation(MERCHANT) is None


def test_a_shop_that_has_a_token_is_rotated_unless_it_has_another_meanwhile(bench: StoreBench) -> None:
    store = bench.store()
    bench.issue(store, shop_token())
    seen = store.subject_state(MERCHANT, SHOP)
    assert store.request_rotation(wish(), seen, None)

    successor(bench)

    assert not store.request_rotation(wish("r-2"), seen, store.rotation(MERCHANT))
    requested(bench, wish("r-2"))


def test_a_wish_whose_answer_was_lost_stands(bench: StoreBench) -> None:
    """Keep the rotation request although moto rejects the SDK's second attempt."""
    store = bench.store()
    with answer_lost(bench.dynamodb, "TransactWriteItems"):
        store.request_rotation(wish(), store.subject_state(MERCHANT, SHOP), None)

    assert store.rotation(MERCHANT) == wish()


def test_a_storage_that_refuses_leaves_nothing(bench: StoreBench) -> None:
    with refusing(bench.dynamodb, "TransactWriteItems"), pytest.raises(StorageUnavailable):
        requested(bench)

    assert bench.store().rotation(MERCHANT) is None


# Rescheduled and ended


def test_its_first_failure_is_told_and_each_one_counted(bench: StoreBench) -> None:
    store = bench.store()
    requested(bench)

    for number in range(1, 4):
        rotation = store.rotation(MERCHANT)
        assert rotation is not None
        store.reschedule_rotation(rotation, NOW_S + 100 * number, "provider_unavailable")

    there = store.rotation(MERCHANT)
    assert there is not None
    assert (there.open, there.tries, there.due_at, there.failure) == (True, 3, NOW_S + 300, "provider_unavailable")
    assert failures(bench) == [("provider_unavailable", True)]


def test_two_that_fail_at_once_tell_it_once(bench: StoreBench) -> None:
    rotation = requested(bench)

    for _ in range(2):
        bench.store().reschedule_rotation(rotation, NOW_S + 100, "provider_throttled")

    assert failures(bench) == [("provider_throttled", True)]


@pytest.mark.parametrize("retrying", [True, False])
def test_an_event_reports_whose_rotation_failed_and_when(bench: StoreBench, *, retrying: bool) -> None:
    rotation = requested(bench)
    bench.clock.advance(100)

    if retrying:
        bench.store().reschedule_rotation(rotation, NOW_S + 900, "provider_error")
    else:
        bench.store().end_rotation(rotation, "provider_error")

    (item,) = bench.outbox()
    (told,) = bench.told()
    assert item["pk"] == "outbox#shopify#acme"
    assert (told["provider"], told["merchant"], told["occurredAt"]) == ("shopify", MERCHANT, NOW_S + 100)
    assert (told["rotationId"], told["code"], told["retrying"]) == ("r-1", "provider_error", retrying)


@pytest.mark.parametrize("failure", [None, "token_limit_reached"])
def test_its_end_stays_to_be_joined_and_is_due_no_more(bench: StoreBench, failure: str | None) -> None:
    rotation = requested(bench)

    for _ in range(2):
        bench.store().end_rotation(rotation, failure)

    assert bench.store().rotation(MERCHANT) == replace(rotation, open=False, due_at=0, failure=failure)
    assert ("shopify#acme", "rotation#shop") not in bench.due()
    assert failures(bench) == ([] if failure is None else [("token_limit_reached", False)])


def test_an_end_clears_an_earlier_failure(bench: StoreBench) -> None:
    rotation = requested(bench)
    bench.store().reschedule_rotation(rotation, NOW_S + 100, "provider_throttled")

    bench.store().end_rotation(rotation)

    there = bench.store().rotation(MERCHANT)
    assert there is not None
    assert there.failure is None


@pytest.mark.parametrize("tries", [0, 1])
def test_whoever_was_replaced_changes_nothing_any_more(bench: StoreBench, tries: int) -> None:
    first = replace(requested(bench), tries=tries)
    second = requested(bench, wish("r-2", compromised=True))

    bench.store().reschedule_rotation(first, NOW_S + 900, "provider_unavailable")
    bench.store().end_rotation(first, "provider_error")

    assert bench.store().rotation(MERCHANT) == second
    assert failures(bench) == []


def test_the_worker_can_defer_it_without_a_failure(bench: StoreBench) -> None:
    rotation = requested(bench)

    bench.store().defer(MERCHANT, "rotation#shop", NOW_S + 500)

    assert bench.store().rotation(MERCHANT) == replace(rotation, due_at=NOW_S + 500)


def test_settings_have_defaults(bench: StoreBench) -> None:
    assert bench.store().rotation_settings(MERCHANT) == RotationSettings(overlap=7 * DAY)


def test_settings_are_read_as_they_were_written(bench: StoreBench) -> None:
    settings = RotationSettings(max_age=90 * DAY, overlap=2 * DAY, paused=True)
    schedule = RotationSchedule(settings=settings, revision=1, changed_by="ann", changed_at=NOW_S, due_at=None)

    assert bench.store().replace_rotation_schedule(MERCHANT, schedule, expected=0)

    assert bench.store().rotation_settings(MERCHANT) == settings
    assert bench.item("shopify#acme", "settings#rotation") is not None


# Who is replaced


def test_the_old_one_is_retiring_and_due_at_the_end_of_its_overlap(bench: StoreBench) -> None:
    bench.issue(bench.store(), shop_token())

    successor(bench)

    store = bench.store()
    current = store.subject_state(MERCHANT, SHOP).token
    assert current is not None
    assert current.token_id == "1002"
    pending = store.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    assert (pending.token.state, pending.due_at, pending.since) == (State.RETIRING, NOW_S + DAY, NOW_S + DAY)
    assert pending.token.access_token == "value-of-1001"
    assert ("shopify#acme", "token#1001") in bench.due()


def test_the_whole_way_has_its_lines(bench: StoreBench) -> None:
    bench.issue(bench.store(), shop_token(requested_by="ann"))
    successor(bench)
    store = bench.store()
    token = store.get_token(MERCHANT, "1001")
    assert token is not None

    store.mark_revoking(token, CLOCK)
    store.mark_revoked(token, CLOCK)

    assert lines(bench, "1001") == [
        ("ann", None, "current", "minted"),
        ("ann", "current", "retiring", "rotated"),
        ("clock", "retiring", "revoking", "rotated"),
        ("clock", "revoking", "revoked", "rotated"),
    ]
    assert lines(bench, "1002") == [("ann", None, "current", "rotated")]


@pytest.mark.parametrize("state", [State.RETIRING, State.REVOKING])
def test_one_that_was_revoked_by_name_meanwhile_is_not_replaced(bench: StoreBench, state: State) -> None:
    """Its own cause and time stay, and its history tells what has happened."""
    store = bench.store()
    previous = bench.issue(store, shop_token(requested_by="ann"))
    mint = bench.begin(store, "owner-of-rotation")
    store.mark_revoking(previous, BY_ANN)

    with pytest.raises(MintInProgress):
        store.commit(
            mint,
            shop_token("1002"),
            replaced=Succession(previous=previous, state=state, until=NOW_S),
            reason=Reason.ROTATED,
        )

    assert lines(bench, "1001")[1:] == [("ann", "current", "revoking", "requested")]
    assert store.get_token(MERCHANT, "1002") is None


def test_a_token_that_was_read_before_it_was_replaced_is_marked_from_the_state_that_it_is_in(
    bench: StoreBench,
) -> None:
    """Who revokes it by name read it as current: its history must not say so."""
    read = bench.issue(bench.store(), shop_token(requested_by="ann"))
    successor(bench)

    bench.store().mark_revoking(read, BY_ANN)

    assert lines(bench, "1001")[1:] == [
        ("ann", "current", "retiring", "rotated"),
        ("ann", "retiring", "revoking", "requested"),
    ]
    current = bench.store().subject_state(MERCHANT, SHOP).token
    assert current is not None
    assert current.token_id == "1002"


def test_compromised_ones_wait_until_no_memory_has_them(bench: StoreBench) -> None:
    bench.issue(bench.store(), shop_token())

    successor(bench, State.REVOKING, NOW_S + 35)

    pending = bench.store().pending_revocation(MERCHANT, "1001")
    assert pending is not None
    assert (pending.token.state, pending.due_at, pending.reason) == (State.REVOKING, NOW_S + 35, Reason.COMPROMISED)
    assert pending.token.access_token is None


def test_a_paused_rotation_that_wakes_up_late_changes_nothing(bench: StoreBench) -> None:
    store = bench.store()
    previous = bench.issue(store, shop_token())
    late = bench.begin(store, "owner-of-the-paused")
    bench.clock.advance(41)
    successor(bench)
    before = all_items(bench)
    taken = Succession(previous=previous, state=State.RETIRING, until=NOW_S)

    with pytest.raises(MintInProgress):
        store.commit(late, shop_token("3003"), replaced=taken, reason=Reason.ROTATED)

    assert all_items(bench) == before
