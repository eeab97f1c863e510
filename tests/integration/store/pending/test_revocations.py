"""A token's end: marked first and never served from then on, then confirmed; the record stays for its retention."""

from copy import replace
from itertools import count
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import BY_ANN
from tests.integration.support.outages import refusing
from tests.integration.support.store_harness import DAY, MERCHANT, OTHER_INTENT, StoreBench, shop_token
from token_broker.aws.store.tokens import MAX_ATTEMPTS
from token_broker.domain.rotation import Succession
from token_broker.domain.token import SHOP, Change, Origin, Reason, State, Token

NOW_S = int(NOW)


def test_the_current_token_is_marked_and_served_no_more_at_once(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())

    store.tokens.mark_revoking(token, BY_ANN)

    assert store.leases.state(MERCHANT, SHOP).token is None
    record = bench.item("shopify#acme", "token#1001")
    assert record is not None
    assert record["state"] == "revoking"
    assert record["dueAt"] == NOW_S
    assert record.keys() & {"accessToken", "expiresAt"} == set()
    assert bench.due() == [("shopify#acme", "token#1001")]


def test_after_that_a_new_current_token_can_be_minted(bench: StoreBench) -> None:
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN)

    bench.issue(store, shop_token("2002"))

    token = store.leases.state(MERCHANT, SHOP).token
    assert token is not None
    assert token.token_id == "2002"


def test_a_standing_token_is_marked_and_the_current_one_left_alone(bench: StoreBench) -> None:
    store = bench.store()
    bench.issue(store, shop_token("1001"))
    standing = bench.issue(store, shop_token("2002", state=State.STANDING), OTHER_INTENT)

    store.tokens.mark_revoking(standing, BY_ANN)

    current = store.leases.state(MERCHANT, SHOP).token
    marked = store.tokens.get(MERCHANT, "2002")
    assert current is not None
    assert current.token_id == "1001"
    assert marked is not None
    assert (marked.state, marked.access_token) == (State.REVOKING, None)


def test_a_token_that_is_current_no_more_is_still_marked(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token("1001"))
    store.leases.commit(bench.begin(store, "owner-2"), shop_token("2002"))

    store.tokens.mark_revoking(token, BY_ANN)  # read as current a moment ago

    marked = store.tokens.get(MERCHANT, "1001")
    current = store.leases.state(MERCHANT, SHOP).token
    assert marked is not None
    assert marked.state is State.REVOKING
    assert current is not None
    assert current.token_id == "2002"


def test_a_foreign_token_without_a_record_gets_one_without_its_value(bench: StoreBench) -> None:
    store = bench.store()
    foreign = shop_token("7007", state=State.STANDING, origin=Origin.FOREIGN, title="Theirs", requested_by="ann")

    store.tokens.mark_revoking(foreign, BY_ANN)

    record = bench.item("shopify#acme", "token#7007")
    assert record is not None
    assert (record["state"], record["origin"], record["title"]) == ("revoking", "foreign", "Theirs")
    assert record["fingerprint"] == foreign.digest
    assert (record["requestedBy"], record["dueAt"]) == ("ann", NOW_S)
    assert record.keys() & {"accessToken", "expiresAt"} == set()


def test_the_confirmed_end_is_kept_for_ninety_days_without_the_value(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    store.tokens.mark_revoking(token, BY_ANN)
    bench.clock.advance(5)

    store.tokens.mark_revoked(token, BY_ANN)

    record = bench.item("shopify#acme", "token#1001")
    assert record is not None
    assert (record["state"], record["endedAt"]) == ("revoked", NOW_S + 5)
    assert record["expiresAt"] == NOW_S + 5 + 90 * DAY
    assert record.keys() & {"accessToken", "due", "dueAt"} == set()
    read = store.tokens.get(MERCHANT, "1001")
    assert read is not None
    assert read.expires_at is None  # the record's retention is not the token's expiry


def test_both_marks_can_be_made_again(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    store.tokens.mark_revoking(token, BY_ANN)
    store.tokens.mark_revoking(token, BY_ANN)
    store.tokens.mark_revoked(token, BY_ANN)
    before = bench.items()
    bench.clock.advance(60)

    store.tokens.mark_revoked(token, BY_ANN)
    store.tokens.mark_revoking(token, BY_ANN)

    assert bench.items() == before


def test_who_reads_it_as_marked_already_changes_nothing(bench: StoreBench) -> None:
    """Neither its history nor when it is to be asked for: the first mark's time counts."""
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN)
    marked = store.tokens.get(MERCHANT, "1001")
    assert marked is not None
    before = bench.items()
    bench.clock.advance(60)

    store.tokens.mark_revoking(marked, BY_ANN)

    assert bench.items() == before


def test_the_current_token_is_asked_for_from_when_the_caller_says(bench: StoreBench) -> None:
    store = bench.store()

    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN, ask_from=NOW_S + 35)

    record = bench.item("shopify#acme", "token#1001")
    assert record is not None
    assert record["dueAt"] == NOW_S + 35


@pytest.fixture
def unserved(bench: StoreBench) -> Token:
    """Create a token whose record says current, but which no subject names."""
    token = bench.issue(bench.store(), shop_token())
    key = {"pk": {"S": "shopify#acme"}, "sk": {"S": "subject#shop"}}
    bench.dynamodb.delete_item(TableName=bench.table_name, Key=key)
    return token


def test_a_current_token_that_nobody_serves_is_asked_for_from_when_the_caller_says(
    bench: StoreBench, unserved: Token
) -> None:
    bench.store().tokens.mark_revoking(unserved, BY_ANN, ask_from=NOW_S + 35)

    record = bench.item("shopify#acme", "token#1001")
    assert record is not None
    assert (record["state"], record["dueAt"]) == ("revoking", NOW_S + 35)


def test_one_that_another_marks_before_the_last_try_keeps_the_others_mark(bench: StoreBench, unserved: Token) -> None:
    store, other, events = bench.store(), bench.store(), bench.dynamodb.meta.events
    tries = count(1)

    def mark(**_: Any) -> None:
        if next(tries) > MAX_ATTEMPTS:
            events.unregister("before-call.dynamodb.UpdateItem", mark)
            other.tokens.mark_revoking(unserved, Change("bob", Reason.COMPROMISED))

    events.register("before-call.dynamodb.UpdateItem", mark)
    store.tokens.mark_revoking(unserved, BY_ANN)

    marked = store.tokens.get(MERCHANT, "1001")
    assert marked is not None
    assert [(line.by, line.reason) for line in marked.history[1:]] == [("bob", "compromised")]


def test_a_token_that_comes_back_between_two_looks_is_not_served_although_it_is_marked(bench: StoreBench) -> None:
    """Replaced when it was to be marked as the current one, it is current again before the mark alone is made."""
    store, other = bench.store("fourthwall"), bench.store("fourthwall")
    one, two = (shop_token(name, provider="fourthwall") for name in ("one", "two"))
    bench.issue(store, one)
    first_change = Succession(previous=one, state=State.LOST)
    store.leases.commit(bench.begin(store, "owner-2", intent_id="2" * 26), two, replaced=first_change)
    again = bench.begin(other, "owner-3", intent_id="3" * 26)
    events = bench.dynamodb.meta.events

    def come_back(**_: Any) -> None:
        events.unregister("before-call.dynamodb.UpdateItem", come_back)
        other.leases.commit(again, one, replaced=Succession(previous=two, state=State.LOST))

    events.register("before-call.dynamodb.UpdateItem", come_back)
    store.tokens.mark_revoking(one, BY_ANN)

    marked = store.tokens.get(MERCHANT, "one")
    assert marked is not None
    assert marked.state is State.REVOKING
    assert store.leases.state(MERCHANT, SHOP).token is None


def test_marking_an_unrecorded_token_twice_keeps_the_first_record(bench: StoreBench) -> None:
    store = bench.store()
    foreign = shop_token("7007", state=State.STANDING, origin=Origin.FOREIGN)
    store.tokens.mark_revoking(foreign, BY_ANN)
    store.tokens.mark_revoked(foreign, BY_ANN)

    store.tokens.mark_revoking(foreign, BY_ANN)

    record = store.tokens.get(MERCHANT, "7007")
    assert record is not None
    assert record.state is State.REVOKED


def test_a_current_token_whose_record_is_gone_is_served_no_more_either(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    key = {"pk": {"S": "shopify#acme"}, "sk": {"S": "token#1001"}}
    bench.dynamodb.delete_item(TableName=bench.table_name, Key=key)

    store.tokens.mark_revoking(token, BY_ANN)

    assert store.leases.state(MERCHANT, SHOP).token is None
    marked = store.tokens.get(MERCHANT, "1001")
    assert marked is not None
    assert marked.state is State.REVOKING


def test_a_token_that_became_current_since_it_was_looked_up_is_marked_and_unserved_in_one_write(
    bench: StoreBench,
) -> None:
    """A crash between two writes would leave it served although it is marked."""
    store = bench.store()
    seen = replace(shop_token(), state=State.STANDING)
    bench.issue(store, shop_token())

    with refusing(bench.dynamodb, "UpdateItem", spared=1):
        store.tokens.mark_revoking(seen, BY_ANN)

    record = bench.item("shopify#acme", "token#1001")
    assert record is not None
    assert record["state"] == "revoking"
    assert store.leases.state(MERCHANT, SHOP).token is None
