"""The events and a record's history are written together with the change, or not at all."""

from copy import replace

import pytest

from tests.integration.support.store_harness import NOW_S, SESSION, StoreBench, Stores, session_token, shop_token
from token_broker.aws.store.outbox_items import REDELIVER_AFTER, outbox_put
from token_broker.aws.store.records import due_shard
from token_broker.aws.store.table import TransactionRejected, Write, put
from token_broker.aws.store.token_store import HISTORY_RETENTION
from token_broker.domain.events import Event, token_issued
from token_broker.domain.rotation import Succession
from token_broker.domain.token import Reason, State
from token_broker.ports.store import Store


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING])
def test_a_token_is_told_of_with_its_fingerprint_and_without_its_value(stores: Stores, state: State) -> None:
    issued = stores.issue(shop_token(state=state))

    told = ("TokenIssued", "1001", issued.digest, state.value, None)
    assert stores.told("tokenId", "fingerprint", "state", "expiresAt") == [told]


def test_a_session_token_is_told_of_with_its_end(sessions: Stores) -> None:
    issued = sessions.issue(session_token())

    assert sessions.told("subject", "expiresAt") == [("TokenIssued", SESSION, issued.expires_at)]


@pytest.mark.parametrize("reason", [Reason.MINTED, Reason.ADOPTED, Reason.ROTATED])
def test_event_and_history_have_the_reason_for_a_new_token(stores: Stores, store: Store, reason: Reason) -> None:
    store.leases.commit(stores.begin(), shop_token(requested_by="ann"), reason=reason)

    assert stores.told("why") == [("TokenIssued", reason.value)]
    assert stores.history() == [("ann", None, "current", reason.value)]


def test_an_event_lies_in_a_part_of_the_table_of_its_own_and_is_due_later(bench: StoreBench) -> None:
    bench.issue(shop_token())

    (item,) = bench.outbox()
    assert (item["pk"], item["due"]) == ("outbox#shopify#acme", due_shard("outbox#shopify#acme"))
    assert item["dueAt"] == item["occurredAt"] + REDELIVER_AFTER
    assert "expiresAt" not in item


def test_another_token_under_the_id_of_one_that_ended_long_ago_has_a_history_of_its_own(bench: StoreBench) -> None:
    """The old record's retention is over, and DynamoDB has not deleted it yet."""
    store, one, two = bench.store(), bench.issue(shop_token("one")), shop_token("two")
    store.leases.commit(bench.begin("owner-2"), two, replaced=Succession(previous=one, state=State.LOST))
    bench.clock.advance(HISTORY_RETENTION)

    other = shop_token("one", access_token="another-value", requested_by="bob")
    store.leases.commit(bench.begin("owner-3"), other, replaced=Succession(previous=two, state=State.LOST))

    assert bench.history("one") == [("bob", None, "current", "minted")]


def test_an_event_is_never_written_over_another(bench: StoreBench) -> None:
    """The second has the first one's id, and none of what it belongs to happens either."""

    def emit(event: Event) -> Write:
        return put(*outbox_put(event), "attribute_not_exists(pk)")

    told, again = (token_issued(shop_token(), reason=reason, at=NOW_S) for reason in ("minted", "adopted"))
    bench.table().transact(emit(told))

    with pytest.raises(TransactionRejected):
        bench.table().transact(emit(replace(again, event_id=told.event_id)))

    assert bench.told("why") == [("TokenIssued", "minted")]
