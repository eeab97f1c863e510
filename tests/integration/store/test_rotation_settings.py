"""Rotation settings in the table: guarded writes, and the due time of their next check."""

from typing import Any

import pytest

from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import DAY, MERCHANT, NOW, StoreBench
from token_broker.domain.pending import SettingsCheck
from token_broker.domain.rotation import RotationSettings
from token_broker.ports.documents import Revisioned

LOOK = "settings#rotation"


def schedule(**changes: Any) -> Revisioned[RotationSettings]:
    settings = RotationSettings(max_age=90 * DAY, overlap=7 * DAY)
    return Revisioned(settings, 1, "ann", int(NOW))._replace(**changes)


def check_of(written: Revisioned[RotationSettings], merchant: str = MERCHANT) -> SettingsCheck:
    assert written.document is not None
    return SettingsCheck(merchant, written.document, written.revision, written.due_at)


def test_the_store_reads_what_it_wrote(bench: StoreBench) -> None:
    store = bench.store()
    assert store.rotation_settings.read(MERCHANT) == Revisioned()

    for revision, written in enumerate(
        [
            schedule(),
            schedule(document=RotationSettings(overlap=DAY), due_at=None, revision=2),
            schedule(document=RotationSettings(max_age=DAY, overlap=DAY, paused=True), due_at=None, revision=3),
        ]
    ):
        assert store.rotation_settings.replace(MERCHANT, written, expected=revision)
        assert bench.store().rotation_settings.read(MERCHANT) == written
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
        "changedAt": int(NOW),
        "changedBy": "ann",
        "dueAt": int(NOW),
    }


def test_the_index_has_them_while_they_are_due(bench: StoreBench) -> None:
    store = bench.store()
    store.rotation_settings.replace(MERCHANT, schedule(), expected=0)
    assert bench.due() == [(f"shopify#{MERCHANT}", LOOK)]

    store.schedule.reschedule(check_of(schedule()), None)

    assert bench.due() == []
    assert store.rotation_settings.read(MERCHANT) == schedule(due_at=None)
    assert not {"due", "dueAt"} & bench.items()[0].keys()


def test_a_failed_look_changes_the_time_and_nothing_else(bench: StoreBench) -> None:
    store = bench.store()
    store.rotation_settings.replace(MERCHANT, schedule(), expected=0)
    (before,) = bench.items()

    store.schedule.reschedule(check_of(schedule()), int(NOW) + 60, failure="merchant_misconfigured")

    assert bench.items() == [{**before, "dueAt": int(NOW) + 60}]


@pytest.mark.parametrize("seen", [schedule(revision=2), schedule(due_at=int(NOW) - 5)])
def test_a_look_at_what_has_changed_since_sets_no_time(bench: StoreBench, seen: Revisioned[RotationSettings]) -> None:
    store = bench.store()
    store.rotation_settings.replace(MERCHANT, schedule(), expected=0)

    store.schedule.reschedule(check_of(seen), int(NOW) + 100)
    store.schedule.reschedule(check_of(schedule(), "nobody"), int(NOW) + 100)

    assert store.rotation_settings.read(MERCHANT) == schedule()
    assert len(bench.items()) == 1
