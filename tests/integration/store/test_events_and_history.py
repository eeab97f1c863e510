"""The events and a record's history are written together with the change, or not at all."""

from copy import replace

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.store_harness import (
    MERCHANT,
    NOW,
    OTHER_INTENT,
    SESSION,
    StoreBench,
    session_token,
    shop_token,
)
from token_broker.aws.store.items import HISTORY_RETENTION
from token_broker.aws.store.outbox_items import REDELIVER_AFTER
from token_broker.aws.store.records import due_shard
from token_broker.aws.store.table import Table, TransactionRejected
from token_broker.domain.events import token_issued
from token_broker.domain.rotation import Succession
from token_broker.domain.token import Change, Reason, State
from token_broker.errors import MintInProgress

NOW_S = int(NOW)
CLOCK = Change("clock", Reason.REQUESTED)


def history(bench: StoreBench, token_id: str, provider: str = "shopify") -> list[tuple[str, str | None, str, str]]:
    """Who moved the token from where to where, and why."""
    token = bench.store(provider).get_token(MERCHANT, token_id)
    assert token is not None
    lines = [line.as_json() for line in token.history]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    return [(line["by"], line["from"], line["to"], line["why"]) for line in lines]


def types(bench: StoreBench) -> list[str]:
    return [event["type"] for event in bench.told()]


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING])
def test_a_token_is_told_of_with_its_fingerprint_and_without_its_value(bench: StoreBench, state: State) -> None:
    issued = bench.issue(bench.store(), shop_token(state=state))

    (event,) = bench.told()
    assert event["type"] == "TokenIssued"
    assert (event["tokenId"], event["fingerprint"], event["state"]) == ("1001", issued.digest, state.value)
    assert "value-of-1001" not in str(event)


@pytest.mark.parametrize("reason", [Reason.MINTED, Reason.ADOPTED, Reason.ROTATED])
def test_an_event_reports_the_reason_for_a_new_token(bench: StoreBench, reason: Reason) -> None:
    store = bench.store()

    store.commit(bench.begin(store), shop_token(), reason=reason)

    (event,) = bench.told()
    assert event["why"] == reason.value


def test_an_event_lies_in_a_part_of_the_table_of_its_own_and_is_due_later(bench: StoreBench) -> None:
    bench.issue(bench.store(), shop_token())

    page = bench.dynamodb.query(
        TableName=bench.table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "outbox#shopify#acme"}},
    )
    (item,) = page["Items"]
    assert item["due"]["S"] == due_shard("outbox#shopify#acme")
    assert int(item["dueAt"]["N"]) == int(item["occurredAt"]["N"]) + REDELIVER_AFTER
    assert "expiresAt" not in item


def test_a_session_token_is_told_of_with_its_end(bench: StoreBench) -> None:
    issued = bench.issue(bench.store("chicksx"), session_token())

    (event,) = bench.told()
    assert (event["subject"], event["expiresAt"]) == (SESSION, issued.expires_at)


def test_a_revocation_is_told_once_it_is_confirmed_and_once_only(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    store.mark_revoking(token, BY_ANN)
    assert types(bench) == ["TokenIssued"]

    bench.clock.advance(5)
    store.mark_revoked(token, CLOCK)
    store.mark_revoked(token, CLOCK)

    assert types(bench) == ["TokenIssued", "TokenRevoked"]
    assert bench.told()[1]["why"] == "requested"
    assert history(bench, "1001") == [
        ("", None, "current", "minted"),
        ("ann", "current", "revoking", "requested"),
        ("clock", "revoking", "revoked", "requested"),
    ]


def test_a_token_without_a_record_has_a_history_from_its_mark_on(bench: StoreBench) -> None:
    store = bench.store()
    unknown = shop_token(state=State.STANDING)

    store.mark_revoking(unknown, BY_ANN)
    store.mark_revoking(unknown, BY_ANN)

    assert history(bench, "1001") == [("ann", None, "revoking", "requested")]


def test_marking_twice_is_one_line(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token(state=State.STANDING))

    store.mark_revoking(token, BY_ANN)
    store.mark_revoking(token, BY_ANN)

    assert [line[2] for line in history(bench, "1001")] == ["standing", "revoking"]


def test_what_the_provider_gives_instead_is_told_as_a_rotation(bench: StoreBench) -> None:
    store = bench.store("fourthwall")
    first = bench.issue(store, shop_token("one", provider="fourthwall"))
    bench.clock.advance(1)
    mint = bench.begin(store, "owner-2", intent_id=OTHER_INTENT)

    store.commit(mint, shop_token("two", provider="fourthwall"), replaced=Succession(previous=first, state=State.LOST))

    assert sorted(types(bench)) == ["TokenIssued", "TokenIssued", "TokenRotated"]
    (rotated,) = [event for event in bench.told() if event["type"] == "TokenRotated"]
    assert (rotated["tokenId"], rotated["previousTokenId"], rotated["rotationId"]) == ("two", "one", None)
    assert (rotated["overlapEndsAt"], rotated["compromised"]) == (None, False)


def test_a_token_that_the_provider_gives_again_later_keeps_its_history(bench: StoreBench) -> None:
    store = bench.store("fourthwall")
    one, two = (shop_token(name, provider="fourthwall") for name in ("one", "two"))
    bench.issue(store, one)
    for number, (token, previous) in enumerate([(two, one), (one, two)]):
        bench.clock.advance(1)
        mint = bench.begin(store, f"owner-of-change-{number}", intent_id=f"{number + 2}" * 26)
        store.commit(mint, token, replaced=Succession(previous=previous, state=State.LOST))

    assert [line[1:] for line in history(bench, "one", "fourthwall")] == [
        (None, "current", "minted"),
        ("current", "lost", "lost"),
        ("lost", "current", "minted"),
    ]


def test_another_token_under_the_id_of_one_that_ended_long_ago_has_a_history_of_its_own(bench: StoreBench) -> None:
    """The old record's retention is over, and DynamoDB has not deleted it yet."""
    store = bench.store("fourthwall")
    one, two = (shop_token(name, provider="fourthwall") for name in ("one", "two"))
    bench.issue(store, one)
    first_change = Succession(previous=one, state=State.LOST)
    store.commit(bench.begin(store, "owner-2", intent_id="2" * 26), two, replaced=first_change)
    bench.clock.advance(HISTORY_RETENTION)

    other = shop_token("one", provider="fourthwall", access_token="another-value", requested_by="bob")
    mint = bench.begin(store, "owner-3", intent_id="3" * 26)
    store.commit(mint, other, replaced=Succession(previous=two, state=State.LOST))

    assert history(bench, "one", "fourthwall") == [("bob", None, "current", "minted")]


def test_a_session_s_end_is_told_once(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    store.close_session(MERCHANT, SESSION, "order-1")
    store.close_session(MERCHANT, SESSION, "order-2")

    (event,) = bench.told()
    assert (event["type"], event["sessionId"], event["orderId"]) == ("SessionClosed", "s-1", "order-1")
    assert (event["provider"], event["merchant"]) == ("chicksx", MERCHANT)
    assert (event["closedAt"], event["occurredAt"]) == (NOW_S, NOW_S)


def test_an_event_is_never_written_over_another(bench: StoreBench) -> None:
    """The second has the first one's id, and none of what it belongs to happens either."""
    table = Table(lambda: bench.dynamodb, bench.table_name)
    told, again = (token_issued(shop_token(), reason=reason, at=NOW_S) for reason in ("minted", "adopted"))
    table.transact([bench.store()._outbox_put(told)], token="first")

    with pytest.raises(TransactionRejected):
        table.transact([bench.store()._outbox_put(replace(again, event_id=told.event_id))], token="second")

    assert [event["why"] for event in bench.told()] == ["minted"]


def test_what_is_not_stored_is_not_told(bench: StoreBench) -> None:
    store = bench.store()
    paused = bench.begin(store)
    bench.clock.advance(60)
    bench.begin(store, "owner-2")

    with pytest.raises(MintInProgress):
        store.commit(paused, shop_token())

    assert bench.told() == []
