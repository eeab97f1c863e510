"""What lies where in the table, item by item and attribute by attribute; above all which items carry a TTL."""

from typing import Any

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import (
    ANN,
    DAY,
    INTENT,
    NOW_S,
    SESSION_PARTITION,
    SHOP_PARTITION,
    StoreBench,
    session_token,
    shop_token,
)
from token_broker.aws.store.leases import IN_FLIGHT_GRACE, LEASE
from token_broker.aws.store.records import due_shard
from token_broker.domain.token import State, fingerprint
from token_broker.errors import RequestOutcome

CURRENT, STANDING = "subject#shop", f"intent#{INTENT}"
LEASE_AND_INTENT = {
    "owner": "owner-1",
    "leaseEnd": NOW_S + LEASE,
    "fence": 1,
    "intentId": INTENT,
    "intentAt": NOW_S,
    "intentBy": ANN,
}
DUE = {
    "intentTitle": "Storefront",
    "intentRealm": "",
    "intentEnd": NOW_S + LEASE,
    "due": due_shard(SHOP_PARTITION),
    "dueAt": NOW_S + LEASE,
}
ON_EITHER = pytest.mark.parametrize("standing", [False, True])
ON_BOTH = pytest.mark.parametrize("provider", ["shopify", "chicksx"])


@ON_EITHER
def test_an_open_mint_is_lease_and_intent_in_one_item(bench: StoreBench, *, standing: bool) -> None:
    bench.begin_either(standing=standing)

    key = {"pk": SHOP_PARTITION, "sk": STANDING if standing else CURRENT}
    assert bench.items() == [{**key, **LEASE_AND_INTENT, **DUE}]


def test_an_open_mint_of_a_session_is_not_due(bench: StoreBench) -> None:
    bench.of("chicksx").begin()

    assert bench.items() == [{"pk": SESSION_PARTITION, "sk": "subject", **LEASE_AND_INTENT}]


@ON_EITHER
def test_the_intent_is_that_of_its_first_holder(bench: StoreBench, *, standing: bool) -> None:
    keyed = {"key_id": INTENT, "body_hash": "hash"} if standing else {}
    bench.store().leases.release(bench.begin_either(standing=standing, **keyed), RequestOutcome.UNKNOWN)
    bench.clock.advance(10)

    bench.begin_either(standing=standing, owner="owner-2", intent_id="z" * 26, requested_by="bob", **keyed)

    (item,) = bench.items()
    assert (item["intentId"], item["intentAt"], item["intentBy"]) == (INTENT, NOW_S, ANN)


def test_a_take_over_keeps_the_time_of_the_first_lease_until_the_token_is_stored(bench: StoreBench) -> None:
    bench.begin()
    bench.clock.advance(LEASE + 1)
    lease = bench.expired().lease
    taken = bench.item(CURRENT)
    assert taken["intentEnd"] == NOW_S + LEASE
    assert taken["leaseEnd"] == taken["dueAt"] == NOW_S + LEASE + 1 + LEASE

    bench.store().leases.commit(lease, shop_token())

    assert set(bench.item(CURRENT)) == {"pk", "sk", "fence", "checkedAt", "current"}


def test_a_published_shop_token_is_a_record_and_the_current_one(bench: StoreBench) -> None:
    data = {"created_at": "2026-11-21T10:00:00-05:00"}
    bench.issue(shop_token(scope=("read", "write"), requested_by=ANN, provider_data=data))

    subject, record = bench.items()
    values = {
        "provider": "shopify",
        "merchant": "acme",
        "subject": "shop",
        "tokenId": "1001",
        "accessToken": "value-of-1001",
        "fingerprint": fingerprint("value-of-1001"),
        "tokenType": "sample",
        "scopes": ["read", "write"],
        "issuedAt": NOW_S,
        "use": {"in": "header", "name": "X-Token", "url": "https://shop.example/api"},
        "state": "current",
        "origin": "broker",
        "title": "Storefront",
        "requestedBy": ANN,
        "providerData": data,
    }
    history = [{"at": NOW_S, "by": ANN, "to": "current", "why": "minted"}]
    assert record == {"pk": SHOP_PARTITION, "sk": "token#1001", "history": history, **values}
    current = {key: value for key, value in subject.pop("current").items() if value is not None}
    assert current == values
    assert subject == {"pk": SHOP_PARTITION, "sk": CURRENT, "fence": 2, "checkedAt": NOW_S}


def test_a_session_token_expires_with_the_provider_and_its_session_thirty_days_later(bench: StoreBench) -> None:
    bench.of("chicksx").issue(session_token(expires_at=NOW_S + 3600, requested_scope=("wallet.read",)))

    subject, record = bench.items()
    assert (record["pk"], record["sk"]) == (SESSION_PARTITION, "token#jti-1")
    assert (record["expiresAt"], record["requestedScopes"]) == (NOW_S + 3600, ["wallet.read"])
    assert subject == {"pk": SESSION_PARTITION, "sk": "subject", "fence": 2, "expiresAt": NOW_S + 3600 + 30 * DAY}


@pytest.mark.parametrize("outcome", RequestOutcome)
@pytest.mark.parametrize("what", ["current", "standing", "session"])
def test_a_given_up_mint_of_a_session_alone_has_a_ttl(bench: StoreBench, what: str, outcome: RequestOutcome) -> None:
    """Else DynamoDB would delete a current token, or what may have led to one, some weeks later."""
    of = bench.of("chicksx" if what == "session" else "shopify")
    of.store().leases.release(of.begin_either(standing=what == "standing"), outcome)

    expected: dict[str, Any] = {**LEASE_AND_INTENT, **({} if what == "session" else DUE)}
    if outcome is RequestOutcome.IN_FLIGHT:
        expected["leaseEnd"] = NOW_S + IN_FLIGHT_GRACE
    elif outcome is RequestOutcome.UNKNOWN:
        del expected["owner"], expected["leaseEnd"]
    else:
        expected = {"fence": 2}
    if what == "session":
        expected["expiresAt"] = NOW_S + 30 * DAY
    items = [{name: value for name, value in item.items() if name not in {"pk", "sk"}} for item in bench.items()]
    assert items == ([] if what == "standing" and outcome is RequestOutcome.NOT_APPLIED else [expected])


def test_a_session_item_has_no_ttl_while_somebody_mints(bench: StoreBench) -> None:
    sessions = bench.of("chicksx")
    sessions.issue(session_token())
    bench.clock.advance(7200)

    sessions.begin("owner-2")

    assert "expiresAt" not in bench.item("subject", SESSION_PARTITION)


def test_the_memory_of_an_idempotency_key_lasts_a_day_and_holds_no_value(bench: StoreBench) -> None:
    lease = bench.begin_standing(key_id="k" * 26, body_hash="hash-of-body")
    bench.store().leases.commit(lease, shop_token(state=State.STANDING))

    memory = bench.item(f"intent#{'k' * 26}")
    assert {name: memory[name] for name in memory if name not in {"pk", "sk"}} == {
        "fence": 2,
        "bodyHash": "hash-of-body",
        "tokenId": "1001",
        "expiresAt": NOW_S + DAY,
    }


def test_without_a_key_the_intent_is_gone_once_its_token_is_stored(bench: StoreBench) -> None:
    bench.issue(shop_token(state=State.STANDING))

    assert [item["sk"] for item in bench.items()] == ["token#1001"]


def test_an_ended_token_is_kept_for_ninety_days_without_its_value(bench: StoreBench) -> None:
    tokens, issued = bench.store().tokens, bench.issue(shop_token())
    tokens.mark_revoking(issued, BY_ANN)
    bench.clock.advance(5)
    marked = bench.item("token#1001")
    assert (marked["state"], marked["revokingAt"], marked["endedWhy"]) == ("revoking", NOW_S, "requested")
    assert not marked.keys() & {"accessToken", "expiresAt"}

    tokens.mark_revoked(issued, BY_ANN)

    ended = bench.item("token#1001")
    assert (ended["state"], ended["endedAt"], ended["expiresAt"]) == ("revoked", NOW_S + 5, NOW_S + 5 + 90 * DAY)
    assert not ended.keys() & {"accessToken", "due", "dueAt"}


def test_a_mark_of_a_token_without_a_record_has_its_item(bench: StoreBench) -> None:
    bench.store().tokens.mark_revoking(shop_token("7007", requested_by="ann"), BY_ANN)

    item = bench.item("token#7007")
    assert (item["due"], item["dueAt"], item["revokingAt"]) == (due_shard(SHOP_PARTITION), NOW_S, NOW_S)
    assert (item["requestedBy"], item["endedWhy"]) == ("ann", "requested")
    assert not item.keys() & {"accessToken", "expiresAt"}


@ON_BOTH
def test_a_mint_without_a_lost_response_is_two_writes(bench: StoreBench, provider: str) -> None:
    """Only a provider that can give an earlier token again is worth a look at what there was."""
    of = bench.of(provider)
    store, seen = of.store(), of.state()

    with counted(bench.dynamodb) as calls:
        lease = of.begin(expected=seen)
        store.leases.commit(lease, shop_token() if provider == "shopify" else session_token())

    assert sorted(calls) == ["TransactWriteItems", "UpdateItem"]
