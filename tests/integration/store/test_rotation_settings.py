"""A merchant's rotation settings work over the table, with their routes, their item and the worker's daily check."""

import json
from collections.abc import Mapping
from threading import Barrier, Thread
from typing import Any

import pytest

from tests.integration.support.concurrency import Quiet
from tests.integration.support.functions import (
    CURRENT,
    DELETE,
    GET_RECORD,
    GET_ROTATION_SETTINGS,
    MAINTAIN,
    PUT_ROTATION_SETTINGS,
    ROTATION_SETTINGS,
    HttpResponse,
    cold_start,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import answer_lost, aws_error, refusing
from tests.integration.support.store_harness import DAY, NOW, StoreBench
from token_broker.domain.pending import SettingsCheck
from token_broker.domain.rotation import RotationSettings
from token_broker.errors import MerchantNotFound, PreconditionFailed
from token_broker.ports.documents import Revisioned

FREE: dict[str, str | list[str] | None] = {"If-Match": None, "If-None-Match": None}
DEFAULTS = {"maxAgeDays": None, "overlapDays": 7, "paused": False}
LOOK, ROTATION = "settings#rotation", "rotation#shop"
ANN = "arn:aws:sts::123456789012:assumed-role/CheckoutBackend/checkout"


def put(stack: Stack, document: Any, merchant: str = MERCHANT, **headers: str) -> HttpResponse:
    sent = FREE | {name.replace("_", "-"): value for name, value in headers.items()}
    return stack.worker(PUT_ROTATION_SETTINGS).api(path={"merchant": merchant}, headers=sent, body=document)


def get(stack: Stack, merchant: str = MERCHANT) -> HttpResponse:
    return stack.worker(GET_ROTATION_SETTINGS).api(path={"merchant": merchant})


def item(stack: Stack, key: str = LOOK) -> dict[str, Any]:
    (found,) = [each for each in stack.items() if each["sk"] == key]
    return found


def work(stack: Stack, *items: str) -> Any:
    return stack.worker(MAINTAIN).invoke({"merchant": MERCHANT, "items": list(items)})


def states(stack: Stack) -> list[str]:
    return sorted(each["state"] for each in stack.items() if each["sk"].startswith("token#"))


def opted_in(stack: Stack, days: int = 90) -> str:
    """Create a current token and settings that the worker has checked once."""
    token_id = str(stack.worker(CURRENT).api().body["tokenId"])
    assert put(stack, {"maxAgeDays": days}).status == 200
    assert work(stack, LOOK) == {"done": 1, "putOff": 0, "left": 0}
    return token_id


# The routes


def test_settings_are_shown_put_and_changed(stack: Stack) -> None:
    assert (get(stack).status, get(stack).body, get(stack).headers.get("ETag")) == (200, DEFAULTS, None)
    document = {"maxAgeDays": 90, "overlapDays": 14, "paused": False}

    made = put(stack, document, If_None_Match="*")
    assert (made.status, made.body, made.headers["ETag"]) == (200, document, '"1"')
    assert (get(stack).body, get(stack).headers["ETag"]) == (document, '"1"')

    changed = put(stack, {"paused": True}, If_Match='"1"')
    assert (changed.body, changed.headers["ETag"]) == ({**DEFAULTS, "paused": True}, '"2"')
    assert put(stack, document, If_Match='"1"').code == "precondition_failed"
    assert put(stack, document, If_None_Match="*").code == "precondition_failed"
    again = put(stack, {"paused": True}, If_Match='"1"')
    assert (again.status, again.headers["ETag"]) == (200, '"2"')
    assert get(stack).body == changed.body
    assert stack.asked("shopify") == []


def test_the_item_records_the_change_its_actor_its_time_and_the_next_check(stack: Stack) -> None:
    put(stack, {"maxAgeDays": 90, "overlapDays": 14})

    kept = item(stack)
    assert kept.pop("changeId")
    assert kept.pop("changedAt") == kept.pop("dueAt") == pytest.approx(stack.clock.now(), abs=60)
    assert kept.pop("due").startswith("due#")
    assert kept == {
        "pk": f"shopify#{MERCHANT}",
        "sk": LOOK,
        "maxAge": 90 * DAY,
        "overlap": 14 * DAY,
        "paused": False,
        "revision": 1,
        "changedBy": ANN,
    }


@pytest.mark.parametrize("document", [{}, {"overlapDays": 30}, {"maxAgeDays": 30, "paused": True}])
def test_settings_by_which_nothing_is_rotated_are_not_due(stack: Stack, document: Any) -> None:
    put(stack, {"maxAgeDays": 90})
    put(stack, document)

    assert not {"due", "dueAt"} & item(stack).keys()


def test_an_unknown_merchant_is_not_found_and_leaves_nothing(stack: Stack) -> None:
    for answer in (put(stack, {"maxAgeDays": 90}, "nobody"), get(stack, "nobody")):
        assert (answer.status, answer.code) == (404, "merchant_not_found")
    with pytest.raises(MerchantNotFound):
        stack.worker(PUT_ROTATION_SETTINGS).invoke({"merchant": "nobody", "maxAgeDays": 90})
    assert stack.items() == []


@pytest.mark.parametrize(
    "body", [{"maxAgeDays": 0}, {"maxAgeDays": "90"}, {"overlapDays": 0}, {"paused": 1}, {"merchant": "x"}, {"x": 1}]
)
def test_what_is_no_setting_is_refused_and_changes_nothing(stack: Stack, body: Any) -> None:
    answer = put(stack, body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert stack.items() == []


def test_a_state_machine_has_the_same_settings(stack: Stack) -> None:
    put_it, get_it = stack.worker(PUT_ROTATION_SETTINGS).invoke, stack.worker(GET_ROTATION_SETTINGS).invoke

    assert get_it({"merchant": MERCHANT}) == DEFAULTS
    shown = {**DEFAULTS, "maxAgeDays": 30, "revision": 1}
    assert put_it({"merchant": MERCHANT, "maxAgeDays": 30, "ifNoneMatch": "*"}) == shown
    assert get_it({"merchant": MERCHANT}) == shown
    with pytest.raises(PreconditionFailed) as refused:
        put_it({"merchant": MERCHANT, "ifMatch": '"7"'})
    assert json.loads(str(refused.value))["status"] == 412


def test_a_put_whose_answer_was_lost_on_the_wire_is_done_once(stack: Stack) -> None:
    stack.worker(PUT_ROTATION_SETTINGS)
    with answer_lost(stack.dynamodb, "PutItem") as outage:
        answer = put(stack, {"maxAgeDays": 90})

    assert outage.struck == 1
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')


@pytest.mark.parametrize("function", ROTATION_SETTINGS)
def test_while_the_table_fails_nobody_is_told_anything_else(stack: Stack, function: str) -> None:
    worker = stack.worker(function)
    with refusing(stack.dynamodb, "GetItem", error=lambda: aws_error("AccessDeniedException")):
        answer = worker.api(headers=FREE)

    assert (answer.status, answer.code) == (503, "storage_unavailable")


def test_of_those_who_change_them_at_once_exactly_one_wins(stack: Stack) -> None:
    put(stack, {"maxAgeDays": 90})
    workers = [cold_start(PUT_ROTATION_SETTINGS, clock=stack.clock, telemetry=Quiet()) for _ in range(4)]
    start, answers = Barrier(len(workers)), []

    def change(number: int) -> None:
        start.wait(timeout=10)
        body = {"maxAgeDays": 100 + number}
        answers.append(workers[number].api(body=body, headers=FREE | {"If-Match": '"1"'}))

    threads = [Thread(target=change, args=(number,)) for number in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
    (won,) = [answer for answer in answers if answer.status == 200]
    assert get(stack).body == won.body


# The worker's check


def test_a_token_of_that_age_is_replaced_and_works_on_for_its_overlap(stack: Stack) -> None:
    first = opted_in(stack)
    assert item(stack)["dueAt"] == pytest.approx(stack.clock.now() + 90 * DAY, abs=60)

    stack.clock.offset += 90 * DAY + 60
    assert work(stack, LOOK) == {"done": 1, "putOff": 0, "left": 0}
    assert item(stack, ROTATION)["requestedBy"] == "clock"
    assert item(stack, ROTATION)["dueAt"] <= stack.clock.now()
    assert work(stack, ROTATION) == {"done": 1, "putOff": 0, "left": 0}

    current = stack.worker(CURRENT).api(headers={"Cache-Control": "no-cache"}).body["tokenId"]
    assert (states(stack), current != first) == (["current", "retiring"], True)
    assert item(stack, f"token#{first}")["dueAt"] == pytest.approx(stack.clock.now() + 7 * DAY, abs=60)
    assert item(stack)["dueAt"] == pytest.approx(stack.clock.now() + 90 * DAY, abs=60)
    assert work(stack, LOOK, ROTATION) == {"done": 0, "putOff": 0, "left": 2}


def test_a_merchant_without_a_secret_is_rescheduled_and_rotated_once_the_secret_is_back(stack: Stack) -> None:
    opted_in(stack)
    stack.remove_secret("shopify", ForceDeleteWithoutRecovery=True)
    stack.clock.offset += 90 * DAY + 60
    stack.cold(MAINTAIN)

    assert work(stack, LOOK) == {"done": 0, "putOff": 1, "left": 0}
    assert 20 * 60 < item(stack)["dueAt"] - stack.clock.now() <= 60 * 60
    assert [each for each in stack.items() if each["sk"] == ROTATION] == []

    stack.merchant("shopify")
    stack.clock.offset += 60 * 60
    stack.cold(MAINTAIN)
    assert work(stack, LOOK)["done"] == 1
    assert item(stack, ROTATION)["replaces"]


def test_a_pause_stands_over_a_message_that_is_under_way(stack: Stack) -> None:
    opted_in(stack)
    stack.clock.offset += 90 * DAY + 60
    put(stack, {"maxAgeDays": 90, "paused": True})

    assert work(stack, LOOK) == {"done": 0, "putOff": 0, "left": 1}
    assert states(stack) == ["current"]


def test_a_look_that_dies_between_asking_and_writing_asks_once(stack: Stack) -> None:
    opted_in(stack)
    stack.clock.offset += 90 * DAY + 60
    with refusing(stack.dynamodb, "UpdateItem", times=1), pytest.raises(Exception, match="table"):
        work(stack, LOOK)
    asked = item(stack, ROTATION)["rotationId"]

    assert work(stack, LOOK)["done"] == 1

    assert item(stack, ROTATION)["rotationId"] == asked
    assert item(stack)["dueAt"] > stack.clock.now() + 89 * DAY


# The store


def schedule(**changes: Any) -> Revisioned[RotationSettings]:
    settings = RotationSettings(max_age=90 * DAY, overlap=7 * DAY)
    return Revisioned(settings, 1, "ann", int(NOW))._replace(**changes)


def test_the_store_reads_what_it_wrote(bench: StoreBench) -> None:
    store = bench.store()
    assert store.rotation_settings.read("acme") == Revisioned()

    for revision, written in enumerate(
        [
            schedule(),
            schedule(document=RotationSettings(overlap=DAY), due_at=None, revision=2),
            schedule(document=RotationSettings(max_age=DAY, overlap=DAY, paused=True), due_at=None, revision=3),
        ]
    ):
        assert store.rotation_settings.replace("acme", written, expected=revision)
        assert bench.store().rotation_settings.read("acme") == written


def check_of(written: Revisioned[RotationSettings], merchant: str = "acme") -> SettingsCheck:
    assert written.document is not None
    return SettingsCheck(merchant, written.document, written.revision, written.due_at)


def test_the_index_has_them_while_they_are_due(bench: StoreBench) -> None:
    store = bench.store()
    store.rotation_settings.replace("acme", schedule(), expected=0)
    assert bench.due() == [("shopify#acme", LOOK)]

    store.schedule.reschedule(check_of(schedule()), None)

    assert bench.due() == []
    assert store.rotation_settings.read("acme") == schedule(due_at=None)
    assert not {"due", "dueAt"} & bench.items()[0].keys()


def test_a_failed_look_changes_the_time_and_nothing_else(bench: StoreBench) -> None:
    store = bench.store()
    store.rotation_settings.replace("acme", schedule(), expected=0)
    (before,) = bench.items()

    store.schedule.reschedule(check_of(schedule()), int(NOW) + 60, failure="merchant_misconfigured")

    assert bench.items() == [{**before, "dueAt": int(NOW) + 60}]


@pytest.mark.parametrize("seen", [schedule(revision=2), schedule(due_at=int(NOW) - 5)])
def test_a_look_at_what_has_changed_since_sets_no_time(bench: StoreBench, seen: Revisioned[RotationSettings]) -> None:
    store = bench.store()
    store.rotation_settings.replace("acme", schedule(), expected=0)

    store.schedule.reschedule(check_of(seen), int(NOW) + 100)
    store.schedule.reschedule(check_of(schedule(), "nobody"), int(NOW) + 100)

    assert store.rotation_settings.read("acme") == schedule()
    assert len(bench.items()) == 1


# One token's record


def test_a_tokens_whole_life_is_shown(stack: Stack, aws: Mapping[str, Any]) -> None:
    first = opted_in(stack, days=30)
    stack.clock.offset += 30 * DAY + 60
    work(stack, LOOK)
    work(stack, ROTATION)
    record = stack.worker(GET_RECORD)
    retiring = record.api(path={"tokenId": first})
    assert (retiring.status, retiring.body["state"]) == (200, "retiring")
    assert retiring.body["accessToken"]
    stack.clock.offset += 7 * DAY + 60
    work(stack, f"token#{first}")
    asked = len(stack.asked("shopify"))

    shown = record.api(path={"tokenId": first}).body

    assert (shown["state"], shown["accessToken"], shown["expiresAt"]) == ("revoked", None, None)
    assert [(line["from"], line["to"], line["why"], line["by"]) for line in shown["history"]] == [
        (None, "current", "minted", ANN),
        ("current", "retiring", "rotated", shown["history"][1]["by"]),
        ("retiring", "revoking", "rotated", "clock"),
        ("revoking", "revoked", "rotated", "clock"),
    ]
    assert [line["at"] for line in shown["history"]] == sorted(line["at"] for line in shown["history"])
    assert len(stack.asked("shopify")) == asked
    assert record.invoke({"merchant": MERCHANT, "tokenId": first}) == shown


def test_a_foreign_token_that_was_revoked_has_a_record_without_its_value(stack: Stack) -> None:
    (planted,) = stack.control.plant_tokens(MERCHANT, title="Theirs")
    foreign = str(planted["id"])
    assert stack.worker(GET_RECORD).api(path={"tokenId": foreign}).code == "token_not_found"
    stack.worker(DELETE).api(path={"tokenId": foreign}, query={"foreign": "true"})

    answer = stack.worker(GET_RECORD).api(path={"tokenId": foreign})

    assert (answer.body["origin"], answer.body["state"], answer.body["accessToken"]) == ("foreign", "revoked", None)


@pytest.mark.parametrize("token_id", ["7", "nobody", "0", "1" * 21])
def test_what_has_no_record_is_not_found_and_what_is_no_id_is_refused(stack: Stack, token_id: str) -> None:
    answer = stack.worker(GET_RECORD).api(path={"tokenId": token_id})

    assert answer.code == ("token_not_found" if token_id == "7" else "invalid_request")
    assert stack.asked("shopify") == []
