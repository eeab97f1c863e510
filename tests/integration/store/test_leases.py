"""Leases and fences: one mint at a time for a subject, and a writer whose lease was lost changes nothing."""

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import (
    INTENT,
    MERCHANT,
    OTHER_INTENT,
    SESSION,
    SESSION_PARTITION,
    StoreBench,
    lease_request,
    session_lease_request,
    session_token,
    shop_token,
)
from token_broker.aws.store.leases import IN_FLIGHT_GRACE, LEASE
from token_broker.domain.leases import LeaseHeld, MintLease, SubjectState
from token_broker.domain.rotation import Succession
from token_broker.domain.token import SHOP, State
from token_broker.errors import MintInProgress, ProviderError, RequestOutcome, SessionClosed


def test_a_mint_that_is_granted_says_all_that_its_holder_must_know(bench: StoreBench) -> None:
    assert bench.begin(bench.store(), account_id="shop.example") == MintLease(
        merchant=MERCHANT,
        subject=SHOP,
        standing_id=None,
        intent_id=INTENT,
        owner="owner-1",
        fence=1,
        continued=False,
        title="Storefront",
        remembered=False,
        account_id="shop.example",
    )


def test_a_session_s_mint_names_no_title_and_no_shop(bench: StoreBench) -> None:
    mint = bench.begin(bench.store("chicksx"), subject=SESSION, title=None, findable=False)

    assert (mint.standing_id, mint.title, mint.account_id) == (None, None, "")


def test_a_second_mint_is_refused_while_the_first_holds_the_lease(bench: StoreBench) -> None:
    store = bench.store()
    bench.begin(store)

    bench.clock.advance(LEASE - 1)
    assert isinstance(store.leases.acquire(lease_request("owner-2"), store.leases.state(MERCHANT, SHOP)), LeaseHeld)


def test_a_lease_that_has_ended_is_taken_over_with_its_intent(bench: StoreBench) -> None:
    store = bench.store()
    first = bench.begin(store)
    bench.clock.advance(LEASE)  # a mint can be acquired from its lease's end on

    second = bench.begin(store, "owner-2", intent_id=OTHER_INTENT)

    assert (first.fence, first.continued) == (1, False)
    assert (second.fence, second.continued, second.intent_id) == (2, True, INTENT)


def test_nobody_mints_on_a_stale_read(bench: StoreBench) -> None:
    store = bench.store()
    stale = store.leases.state(MERCHANT, SHOP)
    bench.issue(store, shop_token())

    assert isinstance(store.leases.acquire(lease_request("owner-2"), stale), LeaseHeld)


@pytest.mark.parametrize("subject", [SHOP, SESSION])
def test_nobody_mints_on_a_read_from_while_the_other_was_minting(bench: StoreBench, subject: str) -> None:
    store = bench.store("chicksx")
    mint = bench.begin(store, subject=subject)
    meanwhile = store.leases.state(MERCHANT, subject)
    store.leases.commit(mint, session_token(subject=subject))

    assert isinstance(store.leases.acquire(lease_request("owner-2", subject=subject), meanwhile), LeaseHeld)


def test_nobody_asks_again_on_a_read_from_while_the_other_was_asking(bench: StoreBench) -> None:
    store = bench.store("fourthwall")
    bench.issue(store, shop_token(provider="fourthwall"))
    mint = bench.begin(store, "owner-2")
    meanwhile = store.leases.state(MERCHANT, SHOP)
    store.leases.confirm(mint)

    assert isinstance(store.leases.acquire(lease_request("owner-3"), meanwhile), LeaseHeld)


def test_a_stale_read_of_an_abandoned_mint_does_not_mint_either(bench: StoreBench) -> None:
    store = bench.store()
    stale = store.leases.state(MERCHANT, SHOP)
    store.leases.release(bench.begin(store), RequestOutcome.NOT_APPLIED)

    assert isinstance(store.leases.acquire(lease_request("owner-2"), stale), LeaseHeld)


@pytest.mark.parametrize("ending", ["commit", "confirm", "release"])
def test_a_paused_writer_changes_nothing(bench: StoreBench, ending: str) -> None:
    store = bench.store()
    paused = bench.begin(store)
    bench.clock.advance(LEASE + 1)
    bench.begin(store, "owner-2")
    before = bench.items()

    if ending == "commit":
        with pytest.raises(MintInProgress):
            store.leases.commit(paused, shop_token("9999"))
    elif ending == "confirm":
        store.leases.confirm(paused)
    else:
        store.leases.release(paused, RequestOutcome.NOT_APPLIED)

    assert bench.items() == before


def test_a_paused_writer_changes_nothing_after_the_other_has_published(bench: StoreBench) -> None:
    store = bench.store()
    paused = bench.begin(store)
    bench.clock.advance(LEASE + 1)
    store.leases.commit(bench.begin(store, "owner-2"), shop_token("2002"))
    before = bench.items()

    with pytest.raises(MintInProgress):
        store.leases.commit(paused, shop_token("9999"))
    store.leases.release(paused, RequestOutcome.UNKNOWN)

    assert bench.items() == before


@pytest.mark.parametrize("standing", [False, True])
def test_a_fence_alone_stops_a_writer_with_the_right_name(bench: StoreBench, standing: bool) -> None:
    store = bench.store()
    mint = bench.acquire_standing(store) if standing else bench.begin(store)
    older = MintLease(
        merchant=mint.merchant,
        subject=mint.subject,
        standing_id=mint.standing_id,
        intent_id=mint.intent_id,
        owner=mint.owner,
        fence=mint.fence - 1,
        continued=False,
    )

    with pytest.raises(MintInProgress):
        store.leases.commit(older, shop_token(state=State.STANDING if standing else State.CURRENT))
    store.leases.release(older, RequestOutcome.NOT_APPLIED)

    assert [item["sk"] for item in bench.items()] == [f"intent#{INTENT}" if standing else "subject#shop"]


def test_a_write_that_was_repeated_by_the_sdk_finds_its_own_owner(bench: StoreBench) -> None:
    store = bench.store()

    with answer_lost(bench.dynamodb, "UpdateItem") as lost:
        mint = bench.begin(store)

    assert lost.struck == 1
    assert (mint.fence, mint.owner, mint.continued) == (1, "owner-1", False)


def test_the_same_for_a_standing_token_and_its_key(bench: StoreBench) -> None:
    store = bench.store()

    with answer_lost(bench.dynamodb, "UpdateItem"):
        mint = bench.acquire_standing(store, key_id="k" * 26, body_hash="hash")

    assert (mint.fence, mint.owner, mint.continued) == (1, "owner-1", False)


def test_giving_up_what_was_not_done_ends_the_intent(bench: StoreBench) -> None:
    store = bench.store()
    store.leases.release(bench.begin(store), RequestOutcome.NOT_APPLIED)

    (item,) = bench.items()
    assert set(item) == {"pk", "sk", "fence"}
    assert bench.begin(store, "owner-2", intent_id=OTHER_INTENT).continued is False


def test_giving_up_with_an_unknown_fate_keeps_the_intent_where_it_is_looked_for(bench: StoreBench) -> None:
    store = bench.store()
    store.leases.release(bench.begin(store), RequestOutcome.UNKNOWN)
    store.leases.release(bench.acquire_standing(store, intent_id=OTHER_INTENT), RequestOutcome.UNKNOWN)

    standing, current = bench.items()
    assert (standing["intentId"], current["intentId"]) == (OTHER_INTENT, INTENT)
    assert {"owner", "leaseEnd", "expiresAt"} & (standing.keys() | current.keys()) == set()
    assert sorted(bench.due()) == [("shopify#acme", f"intent#{OTHER_INTENT}"), ("shopify#acme", "subject#shop")]


@pytest.mark.parametrize("standing", [False, True])
def test_what_may_be_under_way_keeps_its_lease_for_a_while(bench: StoreBench, standing: bool) -> None:
    store = bench.store()
    mint = bench.acquire_standing(store) if standing else bench.begin(store)

    store.leases.release(mint, RequestOutcome.IN_FLIGHT)

    (item,) = bench.items()
    assert item["leaseEnd"] == int(bench.clock.now()) + IN_FLIGHT_GRACE
    assert item["intentId"] == INTENT
    assert IN_FLIGHT_GRACE < LEASE


def test_giving_up_a_standing_mint_that_was_not_done_leaves_nothing(bench: StoreBench) -> None:
    store = bench.store()
    store.leases.release(bench.acquire_standing(store), RequestOutcome.NOT_APPLIED)

    assert bench.items() == []


def test_confirming_notes_the_time_and_frees_the_lease(bench: StoreBench) -> None:
    store = bench.store()
    bench.issue(store, shop_token())
    bench.clock.advance(90_000)
    store.leases.confirm(bench.begin(store, "owner-2"))

    state = store.leases.state(MERCHANT, SHOP)
    assert state.checked_at == int(bench.clock.now())
    assert state.token is not None
    assert state.token.token_id == "1001"
    assert bench.due() == []


def test_a_token_is_stored_by_one_call(bench: StoreBench) -> None:
    """Only a provider that can give an earlier token again is worth a look at what there was."""
    store = bench.store()
    mint = bench.begin(store)

    with counted(bench.dynamodb) as calls:
        store.leases.commit(mint, shop_token())

    assert calls == ["TransactWriteItems"]


def test_a_replaced_token_loses_its_value_and_is_lost(bench: StoreBench) -> None:
    store = bench.store("fourthwall")
    first = bench.issue(store, shop_token("one", provider="fourthwall"))
    mint = bench.begin(store, "owner-2")

    store.leases.commit(
        mint, shop_token("two", provider="fourthwall"), replaced=Succession(previous=first, state=State.LOST)
    )

    record = bench.item("fourthwall#acme", "token#one")
    assert record is not None
    assert (record["state"], "accessToken" in record, "due" in record) == ("lost", False, False)
    assert record["expiresAt"] == int(bench.clock.now()) + 90 * 86_400
    state = store.leases.state(MERCHANT, SHOP)
    assert state.token is not None
    assert state.token.token_id == "two"


def test_a_token_that_comes_back_is_current_again(bench: StoreBench) -> None:
    store = bench.store("fourthwall")
    first = bench.issue(store, shop_token("one", provider="fourthwall"))
    second = shop_token("two", provider="fourthwall")
    store.leases.commit(bench.begin(store, "owner-2"), second, replaced=Succession(previous=first, state=State.LOST))

    store.leases.commit(bench.begin(store, "owner-3"), first, replaced=Succession(previous=second, state=State.LOST))

    state = store.leases.state(MERCHANT, SHOP)
    assert state.token is not None
    assert state.token.token_id == "one"


def test_a_closed_session_cannot_begin(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    bench.close_session()

    state = store.leases.state(MERCHANT, SESSION)

    assert state.closed
    assert isinstance(store.leases.acquire(session_lease_request(), state), LeaseHeld)
    assert isinstance(store.leases.acquire(session_lease_request(), SubjectState()), LeaseHeld)


def test_a_session_closed_during_the_mint_gets_no_token(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    mint = bench.begin(store, subject=SESSION, findable=False)
    bench.close_session()

    with pytest.raises(SessionClosed):
        store.leases.commit(mint, session_token())
    store.leases.release(mint, RequestOutcome.UNKNOWN)

    assert bench.item(SESSION_PARTITION, "token#jti-1") is None
    assert store.leases.state(MERCHANT, SESSION).closed


def test_closing_during_the_mint_wins_even_where_the_lease_was_left_alone(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    mint = bench.begin(store, subject=SESSION, findable=False)
    bench.dynamodb.update_item(
        TableName=bench.table_name,
        Key={"pk": {"S": SESSION_PARTITION}, "sk": {"S": "subject"}},
        UpdateExpression="SET closedAt = :now",
        ExpressionAttributeValues={":now": {"N": "1"}},
    )

    with pytest.raises(SessionClosed):
        store.leases.commit(mint, session_token())

    store.leases.release(mint, RequestOutcome.UNKNOWN)
    subject = bench.item(SESSION_PARTITION, "subject")
    assert subject is not None
    assert "expiresAt" not in subject  # the close keeps its own retention


def test_of_a_session_the_token_that_lasts_longest_is_served(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    now = int(bench.clock.now())
    bench.issue(store, session_token("jti-1", expires_at=now + 100))
    bench.issue(store, session_token("jti-2", expires_at=now + 900))
    bench.issue(store, session_token("jti-3", expires_at=now + 500))

    token = store.leases.state(MERCHANT, SESSION).token
    assert token is not None
    assert token.token_id == "jti-2"


def test_an_id_that_belongs_to_another_living_token_is_refused(bench: StoreBench) -> None:
    store = bench.store()
    bench.issue(store, shop_token("1001"))
    mint = bench.begin(store, "owner-2")

    with pytest.raises(ProviderError, match="belongs to another token") as refused:
        store.leases.commit(mint, shop_token("1001", access_token="another-value"))

    assert refused.value.request_outcome is RequestOutcome.UNKNOWN  # a token was made, and its true id is not known
    kept = store.tokens.get(MERCHANT, "1001")
    assert kept is not None
    assert kept.access_token == "value-of-1001"


@pytest.mark.parametrize("state", [State.REVOKING, State.REVOKED])
def test_an_ended_token_is_never_published_again(bench: StoreBench, state: State) -> None:
    store = bench.store()
    issued = bench.issue(store, shop_token("1001", state=State.STANDING))
    store.tokens.mark_revoking(issued, BY_ANN)
    if state is State.REVOKED:
        store.tokens.mark_revoked(issued, BY_ANN)

    with pytest.raises(ProviderError):
        store.leases.commit(bench.acquire_standing(store, "owner-2", intent_id=OTHER_INTENT), issued)

    record = bench.item("shopify#acme", "token#1001")
    assert record is not None
    assert (record["state"], "accessToken" in record) == (state.value, False)
