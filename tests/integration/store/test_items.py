"""What lies where in the table, item by item and attribute by attribute; above all which items carry a TTL."""

import pytest

from tests.fakes.clock import NOW
from tests.integration.support.store_harness import (
    DAY,
    INTENT,
    MERCHANT,
    SESSION,
    SESSION_PARTITION,
    StoreBench,
    lease_request,
    session_lease_request,
    session_token,
    shop_token,
)
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.records import due_shard
from token_broker.domain.leases import MintLease
from token_broker.domain.token import SHOP, State, fingerprint
from token_broker.errors import RequestOutcome

NOW_S = int(NOW)
ANN = "arn:aws:iam::123456789012:user/ann"


def test_an_open_mint_of_the_current_token_is_lease_and_intent_in_one_item(bench: StoreBench) -> None:
    bench.begin(bench.store())

    (item,) = bench.items()
    expected = {
        "pk": "shopify#acme",
        "sk": "subject#shop",
        "owner": "owner-1",
        "leaseEnd": NOW_S + LEASE,
        "fence": 1,
        "intentId": INTENT,
        "intentAt": NOW_S,
        "intentBy": ANN,
        "intentTitle": "Storefront",
        "due": due_shard("shopify#acme"),
        "dueAt": NOW_S + LEASE,
    }
    assert expected.items() <= item.items()
    assert "expiresAt" not in item


def test_an_open_mint_of_a_standing_token_has_an_item_of_its_own(bench: StoreBench) -> None:
    bench.acquire_standing(bench.store())

    (item,) = bench.items()
    assert (item["pk"], item["sk"]) == ("shopify#acme", f"intent#{INTENT}")
    assert (item["owner"], item["leaseEnd"], item["dueAt"]) == ("owner-1", NOW_S + LEASE, NOW_S + LEASE)
    assert "expiresAt" not in item
    assert "bodyHash" not in item


def test_an_open_mint_of_a_session_is_not_due_because_nobody_could_look_it_up(bench: StoreBench) -> None:
    bench.store("chicksx").leases.acquire(
        session_lease_request(), bench.store("chicksx").leases.state(MERCHANT, SESSION)
    )

    (item,) = bench.items()
    assert (item["pk"], item["sk"]) == (SESSION_PARTITION, "subject")
    assert item.keys() & {"due", "dueAt", "expiresAt", "intentTitle"} == set()
    assert bench.due() == []


def test_pending_work_is_in_the_index_until_it_is_done(bench: StoreBench) -> None:
    store = bench.store()
    mint = bench.begin(store)
    assert bench.due() == [("shopify#acme", "subject#shop")]

    store.leases.commit(mint, shop_token())

    assert bench.due() == []


def test_a_published_shop_token_is_a_record_and_the_current_one(bench: StoreBench) -> None:
    issued = shop_token(
        scope=("read", "write"), requested_by=ANN, provider_data={"created_at": "2026-11-21T10:00:00-05:00"}
    )
    bench.issue(bench.store(), issued)

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
        "providerData": {"created_at": "2026-11-21T10:00:00-05:00"},
    }
    history = [{"at": NOW_S, "by": ANN, "to": "current", "why": "minted"}]
    assert record == {"pk": "shopify#acme", "sk": "token#1001", "history": history, **values}
    current = {key: value for key, value in subject["current"].items() if value is not None}
    assert current == values
    assert subject["checkedAt"] == NOW_S
    assert set(subject) == {"pk", "sk", "fence", "checkedAt", "current"}


def test_a_session_token_expires_with_the_provider_and_its_session_thirty_days_later(bench: StoreBench) -> None:
    bench.issue(bench.store("chicksx"), session_token(expires_at=NOW_S + 3600, requested_scope=("wallet.read",)))

    subject, record = bench.items()
    assert (record["pk"], record["sk"]) == (SESSION_PARTITION, "token#jti-1")
    assert record["expiresAt"] == NOW_S + 3600
    assert record["requestedScopes"] == ["wallet.read"]
    assert (subject["pk"], subject["sk"]) == (SESSION_PARTITION, "subject")
    assert subject["expiresAt"] == NOW_S + 3600 + 30 * DAY
    assert set(subject) == {"pk", "sk", "fence", "expiresAt"}


def test_a_session_item_has_no_ttl_while_somebody_mints(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    bench.issue(store, session_token())
    bench.clock.advance(7200)

    bench.begin(store, "owner-2", subject=SESSION, findable=False)

    subject = bench.item(SESSION_PARTITION, "subject")
    assert subject is not None
    assert "expiresAt" not in subject


@pytest.mark.parametrize("request_outcome", RequestOutcome)
def test_a_given_up_session_mint_leaves_a_ttl(bench: StoreBench, request_outcome: RequestOutcome) -> None:
    store = bench.store("chicksx")
    store.leases.release(bench.begin(store, subject=SESSION, findable=False), request_outcome)

    (subject,) = bench.items()
    assert subject["expiresAt"] == NOW_S + 30 * DAY
    assert ("owner" in subject) is (request_outcome is RequestOutcome.IN_FLIGHT)


def test_the_memory_of_an_idempotency_key_lasts_a_day_and_holds_no_value(bench: StoreBench) -> None:
    store = bench.store()
    mint = bench.acquire_standing(store, key_id="k" * 26, body_hash="hash-of-body")
    store.leases.commit(mint, shop_token(state=State.STANDING))

    memory = bench.item("shopify#acme", f"intent#{'k' * 26}")
    assert memory is not None
    assert set(memory) == {"pk", "sk", "fence", "bodyHash", "tokenId", "expiresAt"}
    assert (memory["bodyHash"], memory["tokenId"]) == ("hash-of-body", "1001")
    assert memory["expiresAt"] == NOW_S + DAY


def test_without_a_key_the_intent_is_gone_once_its_token_is_stored(bench: StoreBench) -> None:
    bench.issue(bench.store(), shop_token(state=State.STANDING))

    assert [item["sk"] for item in bench.items()] == ["token#1001"]


def test_a_standing_token_is_not_served_as_the_current_one(bench: StoreBench) -> None:
    store = bench.store()
    bench.issue(store, shop_token(state=State.STANDING))

    assert store.leases.state(MERCHANT, SHOP).token is None
    assert [each.token_id for each in store.tokens.all(MERCHANT)] == ["1001"]


def test_a_token_comes_back_as_it_was_stored(bench: StoreBench) -> None:
    store = bench.store()
    issued = bench.issue(
        store, shop_token(requested_by=ANN, requested_scope=("read",), provider_data={"n": 1, "deep": {"a": [True]}})
    )

    assert store.tokens.get(MERCHANT, "1001") == issued
    assert store.leases.state(MERCHANT, SHOP).token == issued


def test_each_provider_sees_its_own_items_only(bench: StoreBench) -> None:
    bench.issue(bench.store("shopify"), shop_token())

    other = bench.store("fourthwall")
    assert other.leases.state(MERCHANT, SHOP).token is None
    assert other.tokens.get(MERCHANT, "1001") is None
    assert other.tokens.all(MERCHANT) == []


@pytest.mark.parametrize(("provider", "subject"), [("shopify", SHOP), ("chicksx", SESSION)])
def test_an_unknown_subject_has_never_been_minted_for(bench: StoreBench, provider: str, subject: str) -> None:
    state = bench.store(provider).leases.state(MERCHANT, subject)

    assert (state.token, state.checked_at, state.closed, state.fence) == (None, 0, False, 0)


def test_the_current_intent_is_that_of_its_first_holder(bench: StoreBench) -> None:
    store = bench.store()
    first = bench.begin(store)
    store.leases.release(first, RequestOutcome.UNKNOWN)
    bench.clock.advance(10)

    later = store.leases.acquire(
        lease_request("owner-2", intent_id="z" * 26, requested_by="bob"), store.leases.state(MERCHANT, SHOP)
    )

    (item,) = bench.items()
    assert isinstance(later, MintLease)
    assert (later.intent_id, later.continued, later.fence) == (INTENT, True, 2)
    assert (item["intentId"], item["intentAt"], item["intentBy"]) == (INTENT, NOW_S, ANN)
