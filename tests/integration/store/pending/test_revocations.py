"""A token's end: marked first and never served from then on, then confirmed; the record stays without its value."""

from functools import partial

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.outages import refusing
from tests.integration.support.store_harness import (
    MERCHANT,
    NOW_S,
    OTHER_INTENT,
    SESSION_PARTITION,
    StoreBench,
    Stores,
    session_token,
    shop_token,
)
from token_broker.aws.store.records import due_shard
from token_broker.aws.store.tokens import MAX_ATTEMPTS
from token_broker.domain.pending import UnreadWork
from token_broker.domain.rotation import Succession
from token_broker.domain.token import Change, Origin, Reason, State, Token
from token_broker.ports.store import Store

CLOCK = Change("clock", Reason.REQUESTED)
COMPROMISED = Change("bob", Reason.COMPROMISED)
STANDING = shop_token("2002", state=State.STANDING)
FOREIGN = shop_token("7007", state=State.STANDING, origin=Origin.FOREIGN, title="Theirs", account_id="acme.example")


@pytest.fixture
def token(stores: Stores) -> Token:
    """Return the current token."""
    return stores.issue(shop_token(requested_by="ann"))


# The mark


def test_the_current_token_is_marked_and_served_no_more_at_once(stores: Stores, store: Store, token: Token) -> None:
    assert store.tokens.pending_revocation(MERCHANT, "1001") is None

    store.tokens.mark_revoking(token, BY_ANN)

    pending = stores.revocation()
    assert stores.served() is None
    assert (pending.token.state, pending.token.access_token, pending.token.expires_at) == (State.REVOKING, None, None)
    assert (pending.since, pending.due_at, pending.tries, pending.reason) == (NOW_S, NOW_S, 0, Reason.REQUESTED)
    assert stores.pending() == {"token#1001": NOW_S}
    stores.issue(shop_token("2002"), OTHER_INTENT)
    assert stores.served() == "2002"


@pytest.mark.usefixtures("token")
def test_a_standing_token_is_marked_and_the_current_one_left_alone(stores: Stores, store: Store) -> None:
    store.tokens.mark_revoking(stores.issue(STANDING, OTHER_INTENT), BY_ANN)

    assert stores.served() == "1001"
    assert (stores.token("2002").state, stores.token("2002").access_token) == (State.REVOKING, None)


def test_a_token_that_is_current_no_more_is_still_marked(stores: Stores, store: Store, token: Token) -> None:
    stores.issue(shop_token("2002"), OTHER_INTENT)

    store.tokens.mark_revoking(token, BY_ANN)  # read as current a moment ago

    assert stores.token().state is State.REVOKING
    assert stores.served() == "2002"


def test_a_token_that_was_read_before_it_was_replaced_is_marked_from_the_state_that_it_is_in(
    stores: Stores, store: Store, token: Token
) -> None:
    """Who revokes it by name read it as current: its history must not say so."""
    retiring = Succession(previous=token, state=State.RETIRING, until=NOW_S + 9)
    store.leases.commit(stores.begin("owner-2"), shop_token("2002", requested_by="bob"), replaced=retiring)

    store.tokens.mark_revoking(token, BY_ANN)

    assert stores.history()[1:] == [
        ("bob", "current", "retiring", "rotated"),
        ("ann", "retiring", "revoking", "requested"),
    ]
    assert stores.served() == "2002"


def test_a_foreign_token_without_a_record_gets_one_without_its_value(stores: Stores, store: Store) -> None:
    store.tokens.mark_revoking(FOREIGN, COMPROMISED)
    stores.clock.advance(10)

    marked, pending = stores.token("7007"), stores.revocation("7007")
    assert (marked.origin, marked.title, marked.account_id) == (Origin.FOREIGN, "Theirs", "acme.example")
    assert (marked.state, marked.access_token, marked.digest) == (State.REVOKING, None, FOREIGN.digest)
    assert stores.history("7007") == [("bob", None, "revoking", "compromised")]
    assert (pending.since, pending.due_at, pending.reason) == (NOW_S, NOW_S, Reason.COMPROMISED)


@pytest.mark.parametrize("marked", [shop_token(), STANDING, FOREIGN], ids=["current", "standing", "foreign"])
def test_the_provider_is_asked_from_when_the_caller_says(stores: Stores, store: Store, marked: Token) -> None:
    if marked is not FOREIGN:
        stores.issue(marked)

    store.tokens.mark_revoking(marked, BY_ANN, ask_from=NOW_S + 35)

    assert stores.pending() == {f"token#{marked.token_id}": NOW_S + 35}
    assert stores.revocation(marked.token_id).due_at == NOW_S + 35


@pytest.mark.parametrize("marked", [shop_token(), STANDING, FOREIGN], ids=["current", "standing", "foreign"])
def test_both_marks_can_be_made_again_and_change_nothing(stores: Stores, store: Store, marked: Token) -> None:
    """Neither the history nor when it is to be asked for: the first mark's time and reason count."""
    if marked is not FOREIGN:
        stores.issue(marked)
    for mark in (store.tokens.mark_revoking, store.tokens.mark_revoked):
        mark(marked, BY_ANN)
        before = stores.contents()
        stores.clock.advance(60)

        mark(marked, COMPROMISED)
        store.tokens.mark_revoking(stores.token(marked.token_id), COMPROMISED)
        store.tokens.mark_revoking(marked, COMPROMISED)

        assert stores.contents() == before


# The end


def test_the_confirmed_end_is_told_once_and_has_its_lines(stores: Stores, store: Store, token: Token) -> None:
    store.tokens.mark_revoked(token, CLOCK)
    assert stores.token().state is State.CURRENT, "nobody had marked it"
    store.tokens.mark_revoking(token, BY_ANN)
    assert stores.told() == [("TokenIssued",)]
    stores.clock.advance(5)

    for _ in range(2):
        store.tokens.mark_revoked(token, CLOCK)

    assert stores.told("tokenId", "why") == [("TokenIssued", "1001", "minted"), ("TokenRevoked", "1001", "requested")]
    assert stores.history() == [
        ("ann", None, "current", "minted"),
        ("ann", "current", "revoking", "requested"),
        ("clock", "revoking", "revoked", "requested"),
    ]
    ended = stores.token()
    assert (ended.access_token, ended.expires_at) == (None, None)  # its retention is not the token's expiry
    assert store.tokens.pending_revocation(MERCHANT, "1001") is None
    assert stores.pending() == {}


# The next try


def test_a_revocation_is_rescheduled_unless_another_has_moved_it(stores: Stores, store: Store, token: Token) -> None:
    store.tokens.mark_revoking(token, BY_ANN)
    first = stores.revocation()
    store.schedule.reschedule(first, NOW_S + 60, failure="provider_unavailable")
    store.schedule.reschedule(first, NOW_S + 999, failure="provider_unavailable")
    second = stores.revocation()
    assert (second.due_at, second.tries) == (NOW_S + 60, 1)

    store.schedule.reschedule(second, NOW_S + 3600, failure="provider_unavailable")
    stores.clock.advance(100)
    store.tokens.mark_revoking(token, BY_ANN)

    third = stores.revocation()
    assert (third.since, third.due_at, third.tries) == (NOW_S, NOW_S + 3600, 2)
    store.tokens.mark_revoked(token, BY_ANN)
    before = stores.contents()
    store.schedule.reschedule(third, NOW_S + 999, failure="provider_unavailable")
    store.schedule.reschedule(UnreadWork(MERCHANT, "token#1001"), NOW_S + 999)
    assert stores.contents() == before


def test_a_revocation_is_set_aside_without_being_read(stores: Stores, store: Store, token: Token) -> None:
    store.tokens.mark_revoking(token, BY_ANN)

    store.schedule.reschedule(UnreadWork(MERCHANT, "token#1001"), NOW_S + 3600)
    store.schedule.reschedule(UnreadWork(MERCHANT, "token#7007"), NOW_S + 3600)

    pending = stores.revocation()
    assert (pending.since, pending.due_at, pending.tries) == (NOW_S, NOW_S + 3600, 0)
    assert store.tokens.get(MERCHANT, "7007") is None


# In the table


@pytest.mark.parametrize(
    ("marked", "calls"),
    [
        (shop_token(), ["TransactWriteItems"]),
        (STANDING, ["UpdateItem"]),
        (FOREIGN, ["UpdateItem", "UpdateItem", "PutItem"]),
    ],
    ids=["current", "standing", "foreign"],
)
def test_a_mark_is_as_few_calls_as_it_can_be(bench: StoreBench, marked: Token, calls: list[str]) -> None:
    if marked is not FOREIGN:
        bench.issue(marked)

    with counted(bench.dynamodb) as asked:
        bench.store().tokens.mark_revoking(marked, BY_ANN)

    assert sorted(asked) == sorted(calls)


def test_a_session_s_is_due_in_the_part_of_the_index_that_its_session_belongs_to(bench: StoreBench) -> None:
    assert due_shard(SESSION_PARTITION) != due_shard("chicksx#acme")
    sessions = bench.of("chicksx")
    known = sessions.issue(session_token())

    for token in (known, session_token("jti-2")):
        sessions.store().tokens.mark_revoking(token, BY_ANN)

    marked = [bench.item(f"token#{token_id}", SESSION_PARTITION) for token_id in ("jti-1", "jti-2")]
    assert [item["due"] for item in marked] == [due_shard(SESSION_PARTITION)] * 2


@pytest.fixture
def unserved(bench: StoreBench) -> Token:
    """Create a token whose record says current, but which no subject names."""
    token = bench.issue(shop_token())
    bench.delete("subject#shop")
    return token


def test_a_current_token_that_nobody_serves_is_marked_alone(bench: StoreBench, unserved: Token) -> None:
    bench.store().tokens.mark_revoking(unserved, BY_ANN, ask_from=NOW_S + 35)

    assert bench.pending() == {"token#1001": NOW_S + 35}
    assert bench.token().state is State.REVOKING


def test_one_that_another_marks_before_the_last_try_keeps_the_others_mark(bench: StoreBench, unserved: Token) -> None:
    others = partial(bench.store().tokens.mark_revoking, unserved, COMPROMISED)

    with bench.meanwhile("UpdateItem", others, before=MAX_ATTEMPTS + 1):
        bench.store().tokens.mark_revoking(unserved, BY_ANN)

    assert bench.history()[1:] == [("bob", "current", "revoking", "compromised")]


def test_a_record_that_came_meanwhile_is_not_written_over(bench: StoreBench) -> None:
    """Between the look for one and the mark, a mint published it."""
    came = partial(bench.issue, shop_token("7007", state=State.STANDING, requested_by="bob"))

    with bench.meanwhile("UpdateItem", came, before=2):
        bench.store().tokens.mark_revoking(FOREIGN, BY_ANN)

    assert bench.history("7007") == [
        ("bob", None, "standing", "minted"),
        ("ann", "standing", "revoking", "requested"),
    ]


def test_a_token_that_comes_back_between_two_looks_is_not_served_although_it_is_marked(bench: StoreBench) -> None:
    """Replaced when it was to be marked as the current one, it is current again before the mark alone is made."""
    store, one, two = bench.store(), bench.issue(shop_token("one")), shop_token("two")
    store.leases.commit(bench.begin("owner-2"), two, replaced=Succession(previous=one, state=State.LOST))
    back = Succession(previous=two, state=State.LOST)
    comes_back = partial(store.leases.commit, bench.begin("owner-3"), one, replaced=back)

    with bench.meanwhile("UpdateItem", comes_back, before=1):
        store.tokens.mark_revoking(one, BY_ANN)

    assert bench.token("one").state is State.REVOKING
    assert bench.served() is None


def test_a_current_token_whose_record_is_gone_is_served_no_more_either(bench: StoreBench) -> None:
    token = bench.issue(shop_token())
    bench.delete("token#1001")

    bench.store().tokens.mark_revoking(token, BY_ANN)

    assert bench.served() is None
    assert bench.token().state is State.REVOKING


def test_a_token_that_became_current_since_it_was_looked_up_is_marked_and_unserved_in_one_write(
    bench: StoreBench,
) -> None:
    """A crash between two writes would leave it served although it is marked."""
    bench.issue(shop_token())

    with refusing(bench.dynamodb, "UpdateItem", spared=1):
        bench.store().tokens.mark_revoking(shop_token(state=State.STANDING), BY_ANN)

    assert bench.token().state is State.REVOKING
    assert bench.served() is None


def test_what_must_be_revoked_has_no_end_of_its_own(bench: StoreBench) -> None:
    token = bench.issue(shop_token())
    bench.change("token#1001", "SET expiresAt = :end", end=NOW_S + 3600)

    bench.store().tokens.mark_revoking(token, BY_ANN)

    assert "expiresAt" not in bench.item("token#1001")


def test_a_mark_of_an_older_version_is_as_old_as_its_end_and_was_asked_for(bench: StoreBench) -> None:
    """Before there was a reason in the record, and before the first mark was told from the last."""
    bench.store().tokens.mark_revoking(bench.issue(STANDING), COMPROMISED, ask_from=NOW_S + 3600)
    bench.change("token#2002", "REMOVE revokingAt, endedWhy")

    pending = bench.revocation("2002")

    assert (pending.since, pending.due_at, pending.reason) == (NOW_S, NOW_S + 3600, Reason.REQUESTED)
