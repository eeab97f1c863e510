"""Leases and fences: one mint at a time for a subject, and a writer whose lease was lost changes nothing."""

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.store_harness import (
    DAY,
    INTENT,
    MERCHANT,
    NOW_S,
    OTHER_INTENT,
    SESSION,
    Stores,
    session_token,
    shop_token,
)
from token_broker.aws.store.leases import IN_FLIGHT_GRACE, LEASE
from token_broker.domain.leases import LeaseHeld, MintLease, SubjectState
from token_broker.domain.rotation import Succession
from token_broker.domain.token import SHOP, State
from token_broker.errors import MintInProgress, ProviderError, RequestOutcome, SessionClosed
from token_broker.ports.store import Store

ON_BOTH = pytest.mark.parametrize("provider", ["shopify", "chicksx"])
ON_EITHER = pytest.mark.parametrize("standing", [False, True])


def test_a_mint_that_is_granted_says_all_that_its_holder_must_know(stores: Stores) -> None:
    assert stores.begin(account_id="shop.example") == MintLease(
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


def test_a_session_s_mint_names_no_title_and_no_shop(sessions: Stores) -> None:
    mint = sessions.begin()

    assert (mint.subject, mint.standing_id, mint.title, mint.account_id) == (SESSION, None, None, "")


@ON_BOTH
def test_an_unknown_subject_has_never_been_minted_for(stores: Stores, provider: str) -> None:
    assert stores.of(provider).state() == SubjectState()


@ON_BOTH
def test_a_read_says_until_when_somebody_holds_the_mint(stores: Stores, provider: str) -> None:
    of = stores.of(provider)
    mint = of.begin()
    during = of.state()
    of.store().leases.commit(mint, shop_token() if provider == "shopify" else session_token())
    after = of.state()

    assert (during.lease_expires_at, during.has_open_intent) == (NOW_S + LEASE, True)
    assert (after.lease_expires_at, after.has_open_intent) == (0, False)


@pytest.mark.parametrize(
    ("outcome", "held_until", "is_open"),
    [
        (RequestOutcome.UNKNOWN, 0, True),
        (RequestOutcome.NOT_APPLIED, 0, False),
        (RequestOutcome.IN_FLIGHT, NOW_S + IN_FLIGHT_GRACE, True),
    ],
)
@ON_BOTH
def test_a_mint_that_was_given_up_is_held_by_nobody_or_for_a_while(
    stores: Stores, provider: str, outcome: RequestOutcome, held_until: int, *, is_open: bool
) -> None:
    of = stores.of(provider)
    of.store().leases.release(of.begin(), outcome)

    assert (of.state().lease_expires_at, of.state().has_open_intent) == (held_until, is_open)
    of.clock.advance(IN_FLIGHT_GRACE)
    assert of.begin("owner-2", intent_id=OTHER_INTENT).continued is is_open


def test_a_second_mint_is_refused_while_the_first_holds_the_lease(stores: Stores) -> None:
    stores.begin()
    stores.clock.advance(LEASE - 1)

    assert isinstance(stores.acquire("owner-2"), LeaseHeld)


def test_a_lease_that_has_ended_is_taken_over_with_its_intent_and_shop(stores: Stores) -> None:
    stores.begin(account_id="first.example")
    stores.clock.advance(LEASE)  # a mint can be acquired from its lease's end on

    second = stores.begin("owner-2", intent_id=OTHER_INTENT, account_id="second.example")

    assert (second.fence, second.continued, second.intent_id) == (2, True, INTENT)
    assert second.account_id == "first.example"


@ON_BOTH
def test_nobody_mints_on_a_read_from_before_or_during_another_mint(stores: Stores, provider: str) -> None:
    of = stores.of(provider)
    before, mint = of.state(), of.begin()
    during = of.state()
    of.store().leases.commit(mint, shop_token() if provider == "shopify" else session_token())

    for seen in (before, during):
        assert isinstance(of.acquire("owner-2", seen), LeaseHeld)


@pytest.mark.parametrize("ending", ["confirm", "release"])
def test_nobody_mints_on_a_read_from_before_or_during_a_mint_without_a_new_token(
    stores: Stores, store: Store, ending: str
) -> None:
    stores.issue(shop_token())
    before, mint = stores.state(), stores.begin("owner-2")
    during = stores.state()
    if ending == "confirm":
        store.leases.confirm(mint)
    else:
        store.leases.release(mint, RequestOutcome.NOT_APPLIED)

    for seen in (before, during):
        assert isinstance(stores.acquire("owner-3", seen), LeaseHeld)


@pytest.mark.parametrize("published", [False, True])
def test_a_paused_writer_changes_nothing(stores: Stores, store: Store, *, published: bool) -> None:
    paused = stores.begin()
    stores.clock.advance(LEASE + 1)
    other = stores.begin("owner-2")
    if published:
        store.leases.commit(other, shop_token("2002"))
    before = stores.contents()

    with pytest.raises(MintInProgress):
        store.leases.commit(paused, shop_token("9999"))
    store.leases.confirm(paused)
    for outcome in RequestOutcome:
        store.leases.release(paused, outcome)

    assert stores.contents() == before


@ON_EITHER
def test_a_fence_alone_stops_a_writer_with_the_right_name(stores: Stores, store: Store, *, standing: bool) -> None:
    mint = stores.begin_either(standing=standing)
    older, before = mint._replace(fence=mint.fence - 1), stores.contents()

    with pytest.raises(MintInProgress):
        store.leases.commit(older, shop_token(state=State.STANDING if standing else State.CURRENT))
    for outcome in RequestOutcome:
        store.leases.release(older, outcome)

    assert stores.contents() == before


@pytest.mark.parametrize(
    ("outcome", "is_open"),
    [(RequestOutcome.UNKNOWN, True), (RequestOutcome.IN_FLIGHT, True), (RequestOutcome.NOT_APPLIED, False)],
)
@ON_EITHER
def test_an_intent_is_looked_for_unless_nothing_was_done(
    stores: Stores, store: Store, outcome: RequestOutcome, *, is_open: bool, standing: bool
) -> None:
    store.leases.release(stores.begin_either(standing=standing), outcome)

    assert store.leases.open_intent_ids(MERCHANT) == ({INTENT} if is_open else set())
    due_at = {f"intent#{INTENT}" if standing else "subject#shop": NOW_S + LEASE}
    assert stores.pending() == (due_at if is_open else {})


def test_an_open_mint_of_a_session_is_not_due_because_nobody_could_look_it_up(sessions: Stores) -> None:
    sessions.begin()

    assert sessions.pending() == {}


def test_open_intents_are_found_and_ended_ones_are_not(stores: Stores, store: Store) -> None:
    current = stores.begin()
    standing = stores.begin_standing("owner-2", intent_id=OTHER_INTENT, key_id="k" * 26, body_hash="b")
    assert store.leases.open_intent_ids(MERCHANT) == {INTENT, OTHER_INTENT}

    store.leases.release(current, RequestOutcome.UNKNOWN)
    store.leases.commit(standing, shop_token("1002", state=State.STANDING))

    assert store.leases.open_intent_ids(MERCHANT) == {INTENT}
    assert store.leases.open_intent_ids("other") == set()


def test_confirming_notes_the_time_and_frees_the_lease(stores: Stores, store: Store) -> None:
    issued = stores.issue(shop_token())
    stores.clock.advance(DAY)

    store.leases.confirm(stores.begin("owner-2"))

    assert stores.state() == SubjectState(token=issued, checked_at=NOW_S + DAY, fence=4)
    assert stores.pending() == {}


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING])
def test_a_stored_token_is_read_as_it_was_and_ends_its_intent(stores: Stores, store: Store, state: State) -> None:
    data = {"n": 1, "deep": {"a": [True]}}
    issued = stores.issue(shop_token(state=state, requested_by="ann", requested_scope=("read",), provider_data=data))

    assert stores.token() == issued
    assert store.tokens.all(MERCHANT) == [issued]
    assert stores.state().token == (issued if state is State.CURRENT else None)
    assert store.leases.open_intent_ids(MERCHANT) == set()
    assert stores.pending() == {}


def test_each_provider_sees_its_own_items_only(stores: Stores) -> None:
    stores.issue(shop_token())

    other = stores.store("fourthwall")
    assert other.leases.state(MERCHANT, SHOP) == SubjectState()
    assert (other.tokens.get(MERCHANT, "1001"), other.tokens.all(MERCHANT)) == (None, [])


def test_a_token_that_comes_back_is_current_again_and_keeps_its_history(stores: Stores, store: Store) -> None:
    one, two = shop_token("one"), shop_token("two")
    stores.issue(one)
    for token, previous in [(two, one), (one, two)]:
        stores.clock.advance(1)
        mint = stores.begin(f"owner-of-{token.token_id}-after-{previous.token_id}")
        store.leases.commit(mint, token, replaced=Succession(previous=previous, state=State.LOST))

    assert stores.served() == "one"
    assert [line[1:] for line in stores.history("one")] == [
        (None, "current", "minted"),
        ("current", "lost", "lost"),
        ("lost", "current", "minted"),
    ]


def test_an_id_that_belongs_to_another_living_token_is_refused(stores: Stores, store: Store) -> None:
    stores.issue(shop_token())

    with pytest.raises(ProviderError, match="belongs to another token") as refused:
        store.leases.commit(stores.begin("owner-2"), shop_token(access_token="another-value"))

    assert refused.value.request_outcome is RequestOutcome.UNKNOWN  # a token was made, and its true id is not known
    assert stores.token().access_token == "value-of-1001"


@pytest.mark.parametrize("state", [State.REVOKING, State.REVOKED])
def test_an_ended_token_is_never_published_again(stores: Stores, store: Store, state: State) -> None:
    issued = stores.issue(shop_token(state=State.STANDING))
    store.tokens.mark_revoking(issued, BY_ANN)
    if state is State.REVOKED:
        store.tokens.mark_revoked(issued, BY_ANN)

    with pytest.raises(ProviderError):
        store.leases.commit(stores.begin_standing("owner-2", intent_id=OTHER_INTENT), issued)

    assert (stores.token().state, stores.token().access_token) == (state, None)


def test_of_a_session_the_token_that_lasts_longest_is_served(sessions: Stores) -> None:
    for number, seconds in enumerate((100, 900, 500), start=1):
        sessions.issue(session_token(f"jti-{number}", expires_at=NOW_S + seconds))

    assert sessions.served() == "jti-2"


def test_a_session_whose_name_begins_like_another_is_another(sessions: Stores) -> None:
    sessions.issue(session_token())

    assert [sessions.state(f"session:{name}").token for name in ("s-", "s-10")] == [None, None]


# Closed sessions


@pytest.fixture
def closing(sessions: Stores) -> MintLease:
    """Close the session during a mint."""
    mint = sessions.begin()
    sessions.store().sessions.close(MERCHANT, SESSION, None)
    return mint


def test_who_is_minting_as_the_session_is_closed_changes_nothing(sessions: Stores, closing: MintLease) -> None:
    """The open intent stays: nobody knows yet what became of it."""
    before = sessions.contents()

    with pytest.raises(SessionClosed):
        sessions.store().leases.commit(closing, session_token())
    for outcome in RequestOutcome:
        sessions.store().leases.release(closing, outcome)

    assert sessions.contents() == before
    assert sessions.state() == SubjectState(closed=True, fence=1, has_open_intent=True)


@pytest.mark.parametrize("after", [0, LEASE + 1, 10 * DAY])
def test_nobody_begins_any_more_whatever_they_have_read(sessions: Stores, after: int) -> None:
    mint = sessions.begin()
    minting = sessions.state()
    sessions.store().sessions.close(MERCHANT, SESSION, None)
    before = sessions.contents()
    sessions.clock.advance(after)

    for seen in (SubjectState(), minting, sessions.state(), SubjectState(fence=mint.fence + 1)):
        assert isinstance(sessions.acquire("owner-2", seen), LeaseHeld)

    assert sessions.contents() == before


def test_a_writer_whose_lease_was_taken_over_before_is_told_that_the_session_is_closed(sessions: Stores) -> None:
    store, paused = sessions.store(), sessions.begin()
    sessions.clock.advance(LEASE + 1)
    sessions.begin("owner-2")

    with pytest.raises(MintInProgress):
        store.leases.commit(paused, session_token())
    store.sessions.close(MERCHANT, SESSION, None)

    with pytest.raises(SessionClosed):
        store.leases.commit(paused, session_token())
