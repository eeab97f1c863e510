"""A record contains the facts that the worker, an operator and another version need later."""

from copy import replace

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import BY_ANN
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import (
    INTENT,
    MERCHANT,
    SESSION_PARTITION,
    StoreBench,
    session_token,
    shop_token,
)
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.records import due_shard
from token_broker.aws.store.tokens import DynamoTokens
from token_broker.domain.leases import OpenIntent
from token_broker.domain.rotation import Succession
from token_broker.domain.token import Change, Origin, Reason, State, Token
from token_broker.errors import MintInProgress, RequestOutcome

NOW_S = int(NOW)
CURRENT, STANDING = "subject#shop", f"intent#{INTENT}"
FOREIGN = shop_token("7007", state=State.STANDING, origin=Origin.FOREIGN, requested_by="ann")


# A token that had no record


def test_its_mark_says_why_since_when_and_from_when_on_to_ask(bench: StoreBench) -> None:
    store = bench.store()

    store.tokens.mark_revoking(FOREIGN, Change("ann", Reason.COMPROMISED), ask_from=NOW_S + 35)
    bench.clock.advance(10)

    pending = store.tokens.pending_revocation(MERCHANT, "7007")
    assert pending is not None
    assert (pending.reason, pending.since, pending.due_at) == (Reason.COMPROMISED, NOW_S, NOW_S + 35)
    item = bench.item("shopify#acme", "token#7007")
    assert item is not None
    assert (item["revokingAt"], item["endedWhy"]) == (NOW_S, "compromised")
    assert item["history"] == [{"at": NOW_S, "by": "ann", "to": "revoking", "why": "compromised"}]


def test_its_record_says_that_others_made_it_and_at_which_shop(bench: StoreBench) -> None:
    bench.store().tokens.mark_revoking(replace(FOREIGN, account_id="acme.example"), BY_ANN)

    found = bench.store().tokens.get(MERCHANT, "7007")

    assert found is not None
    assert (found.origin, found.account_id) == (Origin.FOREIGN, "acme.example")


def test_it_is_due_in_the_part_of_the_index_that_its_partition_belongs_to(bench: StoreBench) -> None:
    bench.store().tokens.mark_revoking(FOREIGN, BY_ANN)

    item = bench.item("shopify#acme", "token#7007")

    assert item is not None
    assert item["due"] == due_shard("shopify#acme")
    assert bench.due() == [("shopify#acme", "token#7007")]


def test_a_session_s_is_due_in_the_part_that_its_session_belongs_to(bench: StoreBench) -> None:
    assert due_shard(SESSION_PARTITION) != due_shard("chicksx#acme")
    store = bench.store("chicksx")
    known = bench.issue(store, session_token())

    for token in (known, session_token("jti-2")):
        store.tokens.mark_revoking(token, BY_ANN)

    marked = [bench.item(SESSION_PARTITION, f"token#{token_id}") for token_id in ("jti-1", "jti-2")]
    assert [item and item["due"] for item in marked] == [due_shard(SESSION_PARTITION)] * 2


def test_it_is_looked_for_once_and_not_again_after_its_mark(bench: StoreBench) -> None:
    with counted(bench.dynamodb) as calls:
        bench.store().tokens.mark_revoking(FOREIGN, BY_ANN)

    assert calls == ["UpdateItem", "UpdateItem", "PutItem"]


def test_a_record_that_came_meanwhile_is_not_written_over(bench: StoreBench) -> None:
    """Between the look for one and the mark, a mint published it."""
    store = bench.store()
    issued = bench.issue(store, shop_token("7007", state=State.STANDING))

    tokens = store.tokens
    assert isinstance(tokens, DynamoTokens)

    assert not tokens._mark_unrecorded(FOREIGN, BY_ANN, None)

    kept = tokens.get(MERCHANT, "7007")
    assert kept is not None
    assert (kept.state, kept.access_token) == (State.STANDING, issued.access_token)


# A standing token


def test_its_mark_is_one_call_and_says_from_when_on_to_ask(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token(state=State.STANDING))

    with counted(bench.dynamodb) as calls:
        store.tokens.mark_revoking(token, BY_ANN, ask_from=NOW_S + 35)

    assert calls == ["UpdateItem"]
    pending = store.tokens.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    assert pending.due_at == NOW_S + 35


def test_an_older_version_s_mark_is_as_old_as_its_end_and_was_asked_for(bench: StoreBench) -> None:
    """Before there was a reason in the record, and before the first mark was told from the last."""
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token(state=State.STANDING)), BY_ANN, ask_from=NOW_S + 3600)
    bench.dynamodb.update_item(
        TableName=bench.table_name,
        Key={"pk": {"S": "shopify#acme"}, "sk": {"S": "token#1001"}},
        UpdateExpression="REMOVE revokingAt, endedWhy",
    )

    pending = store.tokens.pending_revocation(MERCHANT, "1001")

    assert pending is not None
    assert (pending.since, pending.due_at, pending.reason) == (NOW_S, NOW_S + 3600, Reason.REQUESTED)


# An open intent


def left_open(bench: StoreBench, *, standing: bool, **more: str) -> OpenIntent:
    """Acquire the expired mint of a holder who died."""
    begin = bench.acquire_standing if standing else bench.begin
    begin(bench.store(), "dead", **more)
    bench.clock.advance(LEASE + 1)
    return taken(bench, INTENT if standing else None)


def taken(bench: StoreBench, standing_id: str | None = None) -> OpenIntent:
    intent = bench.store().leases.acquire_expired(MERCHANT, standing_id, "worker")
    assert intent is not None
    return intent


@pytest.mark.parametrize("standing", [False, True])
@pytest.mark.parametrize("account_id", ["", "acme.example"])
def test_it_names_the_shop_at_which_its_token_may_be(bench: StoreBench, account_id: str, *, standing: bool) -> None:
    assert left_open(bench, standing=standing, account_id=account_id).lease.account_id == account_id


def test_whoever_continues_it_hears_of_the_shop_of_the_first_try(bench: StoreBench) -> None:
    bench.begin(bench.store(), "dead", account_id="first.example")
    bench.clock.advance(LEASE + 1)

    mint = bench.begin(bench.store(), "next", intent_id="b" * 26, account_id="second.example")

    assert (mint.intent_id, mint.continued, mint.account_id) == (INTENT, True, "first.example")


def test_it_counts_how_often_it_was_left_open(bench: StoreBench) -> None:
    tries = [left_open(bench, standing=False)]
    for _ in range(2):
        bench.store().schedule.reschedule(tries[-1], int(bench.clock.now()), failure="provider_unavailable")
        tries.append(taken(bench))

    assert [each.tries for each in tries] == [0, 1, 2]


def test_one_of_an_older_version_names_nobody_and_no_shop(bench: StoreBench) -> None:
    bench.begin(bench.store(), "dead")
    bench.dynamodb.update_item(
        TableName=bench.table_name,
        Key={"pk": {"S": "shopify#acme"}, "sk": {"S": CURRENT}},
        UpdateExpression="REMOVE intentBy, intentRealm",
    )
    bench.clock.advance(LEASE + 1)

    intent = taken(bench)

    assert (intent.requested_by, intent.lease.account_id) == ("", "")


@pytest.mark.parametrize("request_outcome", list(RequestOutcome))
@pytest.mark.parametrize("standing", [False, True])
def test_the_shop_s_has_no_ttl_however_it_is_given_up(
    bench: StoreBench, request_outcome: RequestOutcome, *, standing: bool
) -> None:
    """Else DynamoDB would delete the current token, or what may have led to one, some weeks later."""
    store = bench.store()
    mint = bench.acquire_standing(store) if standing else bench.begin(store)

    store.leases.release(mint, request_outcome)

    item = bench.item("shopify#acme", STANDING if standing else CURRENT) or {}
    assert "expiresAt" not in item
    assert (item == {}) is (standing and request_outcome is RequestOutcome.NOT_APPLIED)


# A token whose place another takes


def succeeded(bench: StoreBench, state: State, until: int | None) -> Token:
    """Publish a new token that Bob asked for in the place of one that Ann had; the latter's record."""
    store = bench.store()
    previous = bench.issue(store, shop_token("1001", requested_by="ann"))
    bench.clock.advance(100)
    mint = bench.begin(store, "owner-2", intent_id="b" * 26)
    replaced = Succession(previous=previous, state=state, until=until, rotation_id="r-1")
    store.leases.commit(mint, shop_token("2002", requested_by="bob"), replaced=replaced, reason=Reason.ROTATED)
    record = store.tokens.get(MERCHANT, "1001")
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("state", "reason"),
    [(State.LOST, "lost"), (State.RETIRING, "rotated"), (State.REVOKING, "compromised")],
)
def test_its_record_says_what_became_of_it_and_who_asked_for_the_other(
    bench: StoreBench, state: State, reason: str
) -> None:
    record = succeeded(bench, state, None)

    assert record.state is state
    line = record.history[-1]
    assert (line.at, line.by, line.before, line.after, line.reason) == (
        NOW_S + 100,
        "bob",
        State.CURRENT,
        state,
        reason,
    )


@pytest.mark.parametrize(
    ("state", "overlap_ends_at", "compromised"),
    [(State.LOST, None, False), (State.RETIRING, NOW_S + 700, False), (State.REVOKING, None, True)],
)
def test_an_event_reports_the_rotation_and_the_end_of_its_overlap(
    bench: StoreBench, state: State, overlap_ends_at: int | None, compromised: bool
) -> None:
    succeeded(bench, state, NOW_S + 700)

    (told,) = [event for event in bench.told() if event["type"] == "TokenRotated"]
    assert (told["rotationId"], told["tokenId"], told["previousTokenId"]) == ("r-1", "2002", "1001")
    assert (told["overlapEndsAt"], told["compromised"]) == (overlap_ends_at, compromised)


@pytest.mark.parametrize("state", [State.RETIRING, State.REVOKING])
@pytest.mark.parametrize(("until", "due_at"), [(None, NOW_S + 100), (NOW_S + 700, NOW_S + 700)])
def test_a_replaced_token_is_due_at_the_end_of_its_overlap(
    bench: StoreBench, state: State, until: int | None, due_at: int
) -> None:
    succeeded(bench, state, until)

    pending = bench.store().tokens.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    assert pending.due_at == due_at
    item = bench.item("shopify#acme", "token#1001")
    assert item is not None
    assert item["due"] == due_shard("shopify#acme")
    assert bench.due() == [("shopify#acme", "token#1001")]


def test_one_that_retires_is_late_from_the_end_of_its_overlap_on(bench: StoreBench) -> None:
    succeeded(bench, State.RETIRING, NOW_S + 700)

    pending = bench.store().tokens.pending_revocation(MERCHANT, "1001")

    assert pending is not None
    assert (pending.since, pending.reason) == (NOW_S + 700, Reason.ROTATED)


def test_one_that_was_marked_twice_is_late_since_the_first_mark(bench: StoreBench) -> None:
    succeeded(bench, State.REVOKING, NOW_S + 700)
    bench.dynamodb.update_item(
        TableName=bench.table_name,
        Key={"pk": {"S": "shopify#acme"}, "sk": {"S": "token#1001"}},
        UpdateExpression="SET endedAt = :later",
        ExpressionAttributeValues={":later": {"N": str(NOW_S + 300)}},
    )

    pending = bench.store().tokens.pending_revocation(MERCHANT, "1001")

    assert pending is not None
    assert (pending.since, pending.reason) == (NOW_S + 100, Reason.COMPROMISED)


def test_one_that_retires_keeps_its_value(bench: StoreBench) -> None:
    retiring = succeeded(bench, State.RETIRING, NOW_S + 700)

    assert retiring.access_token == "value-of-1001"
    item = bench.item("shopify#acme", "token#1001")
    assert item is not None
    assert item["retiringAt"] == NOW_S + 100


@pytest.mark.parametrize("state", [State.LOST, State.REVOKING])
def test_one_that_ends_loses_its_value(bench: StoreBench, state: State) -> None:
    assert succeeded(bench, state, None).access_token is None


def test_one_that_is_current_no_more_cannot_be_replaced(bench: StoreBench) -> None:
    """Somebody marked it while its successor was made: that one is not published over the mark."""
    store = bench.store()
    previous = bench.issue(store, shop_token("1001"))
    mint = bench.begin(store, "owner-2", intent_id="b" * 26)
    store.tokens.mark_revoking(previous, BY_ANN)

    replaced = Succession(previous=previous, state=State.RETIRING, until=NOW_S + 700)
    with pytest.raises(MintInProgress):
        store.leases.commit(mint, shop_token("2002"), replaced=replaced)

    assert store.tokens.get(MERCHANT, "2002") is None
    marked = store.tokens.get(MERCHANT, "1001")
    assert marked is not None
    assert marked.state is State.REVOKING
