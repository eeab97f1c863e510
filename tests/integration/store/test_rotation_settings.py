"""Rotation settings in the table: guarded writes, and the due time of their next check."""

from typing import Any

import pytest

from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import DAY, MERCHANT, NOW_S, StoreBench, Stores
from token_broker.domain.pending import SettingsCheck, UnreadWork
from token_broker.domain.rotation import RotationSettings
from token_broker.ports.documents import Revisioned
from token_broker.ports.store import Store

LOOK = "settings#rotation"


def schedule(**changes: Any) -> Revisioned[RotationSettings]:
    settings = RotationSettings(max_age=90 * DAY, overlap=7 * DAY)
    return Revisioned(settings, 1, "ann", NOW_S)._replace(**changes)


def check_of(written: Revisioned[RotationSettings], merchant: str = MERCHANT) -> SettingsCheck:
    assert written.document is not None
    return SettingsCheck(merchant, written.document, written.revision, written.due_at)


def test_the_store_reads_what_it_wrote(stores: Stores, store: Store) -> None:
    assert store.rotation_settings.read(MERCHANT) == Revisioned()

    for revision, written in enumerate(
        [
            schedule(),
            schedule(document=RotationSettings(overlap=DAY), due_at=None, revision=2),
            schedule(document=RotationSettings(max_age=DAY, overlap=DAY, paused=True), due_at=None, revision=3),
        ]
    ):
        assert store.rotation_settings.replace(MERCHANT, written, expected=revision)
        assert stores.store().rotation_settings.read(MERCHANT) == written
    assert not store.rotation_settings.replace(MERCHANT, schedule(), expected=2)


def test_the_item_records_the_change_its_actor_its_time_and_the_next_check(bench: StoreBench) -> None:
    with answer_lost(bench.dynamodb, "PutItem") as outage:
        assert bench.store().rotation_settings.replace(MERCHANT, schedule(), expected=0)

    assert outage.struck == 1, "the SDK repeats the write, and the store recognizes its own"
    (item,) = bench.items()
    assert item.pop("changeId")
    assert item.pop("due").startswith("due#")
    assert item == {
        "pk": f"shopify#{MERCHANT}",
        "sk": LOOK,
        "maxAge": 90 * DAY,
        "overlap": 7 * DAY,
        "paused": False,
        "revision": 1,
        "changedAt": NOW_S,
        "changedBy": "ann",
        "dueAt": NOW_S,
    }


def test_the_index_has_them_while_they_are_due(stores: Stores, store: Store) -> None:
    store.rotation_settings.replace(MERCHANT, schedule(), expected=0)
    assert stores.pending() == {LOOK: NOW_S}

    store.schedule.reschedule(UnreadWork(MERCHANT, LOOK), NOW_S + 60)
    assert stores.pending() == {LOOK: NOW_S + 60}
    store.schedule.reschedule(check_of(schedule(due_at=NOW_S + 60)), None)

    assert stores.pending() == {}
    assert store.rotation_settings.read(MERCHANT) == schedule(due_at=None)


def test_a_failed_look_changes_the_time_and_nothing_else(bench: StoreBench) -> None:
    store = bench.store()
    store.rotation_settings.replace(MERCHANT, schedule(), expected=0)
    (before,) = bench.items()

    store.schedule.reschedule(check_of(schedule()), NOW_S + 60, failure="merchant_misconfigured")

    assert bench.items() == [{**before, "dueAt": NOW_S + 60}]


@pytest.mark.parametrize("seen", [schedule(revision=2), schedule(due_at=NOW_S - 5)])
def test_a_look_at_what_has_changed_since_sets_no_time(
    stores: Stores, store: Store, seen: Revisioned[RotationSettings]
) -> None:
    store.rotation_settings.replace(MERCHANT, schedule(), expected=0)
    before = stores.contents()

    store.schedule.reschedule(check_of(seen), NOW_S + 100)
    store.schedule.reschedule(check_of(schedule(), "nobody"), NOW_S + 100)

    assert stores.contents() == before
