"""The process dies after any one of its calls, and the clock's worker brings everything to its end.

The points are counted while the operation runs, so that none is forgotten when an operation gets a further step.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.fakes import killing
from tests.fakes.killing import Killed, Killer, killed_after_each_call
from tests.fakes.provider import down, lost
from tests.fakes.store import BROKER_ID, OVERLAP, MemoryStore
from tests.fakes.surroundings import ListingStack, listing_stack
from tests.lifecycle.rules import assert_each_change_is_told_once
from token_broker.domain.fields import Precondition
from token_broker.domain.ownership_tag import parse_title
from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import SERVABLE, SHOP, Change, Reason, State
from token_broker.errors import BrokerError
from token_broker.lifecycle.reconcile import reconcile
from token_broker.lifecycle.rotate import RETRY_AFTER_CALL, rotate
from token_broker.lifecycle.rotation_settings import change
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.inventory import SETTLED_AFTER
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

type Act = Callable[[ListingStack], object]

#: More rounds of the clock, each after the longest pause, than anything here can need.
ROUNDS = 4
LONG = 3600.0
DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Operation(killing.Operation[ListingStack]):
    """`astray`: somebody has made table and provider differ. Then nothing but the daily look can end it."""

    astray: bool = False

    def make(self) -> ListingStack:
        return listing_stack()

    @property
    def pause(self) -> float:
        """Seconds between two rounds of the clock."""
        return DAY if self.astray else LONG


def mint_current(stack: ListingStack) -> object:
    return shop_token(stack.call(), "acme")


def mint_standing(stack: ListingStack) -> object:
    return standing_token(stack.listing_call(), "acme", "T", None)


def mint_with_key(stack: ListingStack) -> object:
    return standing_token(stack.listing_call(), "acme", "T", "key-1")


def revoke_the_first(stack: ListingStack) -> object:
    return revoke(stack.listing_call(), "acme", "1001")


def revoke_in_vain(stack: ListingStack) -> object:
    stack.provider.failures["revoke"] = [lost()]
    return revoke_the_first(stack)


def lose_the_answer(stack: ListingStack) -> None:
    stack.provider.script = [stack.provider.make_and_fail(lost())]


def lose_everything(mint: Act) -> Act:
    """Run a mint whose response and look-up are lost, and let its lease expire."""

    def act(stack: ListingStack) -> None:
        lose_the_answer(stack)
        stack.provider.failures["list"] = [lost()]
        with suppress(BrokerError):
            mint(stack)
        stack.clock.advance(60)

    return act


def never_made(stack: ListingStack) -> None:
    stack.provider.script = [lost()]
    with suppress(BrokerError):
        mint_standing(stack)
    stack.clock.advance(300)


def of_age(stack: ListingStack) -> None:
    mint_current(stack)
    settings = RotationSettings(max_age=90 * DAY, overlap=7 * DAY)
    change(stack.listing_call(), "acme", settings, Precondition())
    stack.clock.advance(90 * DAY)


def rotate_ordinarily(stack: ListingStack) -> object:
    return rotate(stack.listing_call(), "acme")


def rotate_at_once(stack: ListingStack) -> object:
    return rotate(stack.listing_call(), "acme", compromised=True)


def after_a_rotation(stack: ListingStack) -> None:
    """One token is current, and one retiring."""
    mint_current(stack)
    rotate_ordinarily(stack)
    stack.clock.advance(600)


def after_a_lost_answer(stack: ListingStack) -> None:
    after_a_rotation(stack)
    lose_the_answer(stack)


def the_overlap_is_over(stack: ListingStack) -> None:
    after_a_rotation(stack)
    stack.clock.advance(OVERLAP)


def unlisted(rotation: Act) -> Act:
    """Run a rotation that made its token and could not read the list."""

    def act(stack: ListingStack) -> None:
        after_a_rotation(stack)
        stack.provider.failures["list"] = [down()]
        rotation(stack)
        stack.clock.advance(2 * RETRY_AFTER_CALL)

    return act


def settled(arrange: Act, seconds: float = SETTLED_AFTER) -> Act:
    """So long ago that a list which does not show it can be believed."""

    def act(stack: ListingStack) -> None:
        arrange(stack)
        stack.clock.advance(seconds)

    return act


def begun_in_vain(rotation: Act) -> Act:
    """Run a rotation that could not even ask, and is left to the scheduler."""

    def act(stack: ListingStack) -> None:
        after_a_rotation(stack)
        stack.provider.script = [down()]
        rotation(stack)
        stack.clock.advance(2 * RETRY_AFTER_CALL)

    return act


def forgotten(stack: ListingStack) -> None:
    """Two tokens that were made and whose records are gone."""
    for _ in range(2):
        mint_standing(stack)
    stack.store.records.clear()
    stack.store.told.clear()


def missing(stack: ListingStack) -> None:
    """Build a shop whose current and standing tokens were ended at the provider, where another one exists."""
    mint_current(stack)
    for _ in range(2):
        mint_standing(stack)
    for token_id in ("1001", "1002"):
        stack.provider.listed.pop(token_id)


def back_again(stack: ListingStack) -> None:
    """One token that was revoked and one that was lost are there all the same."""
    for _ in range(3):
        mint_standing(stack)
    there = dict(stack.provider.listed)
    revoke_the_first(stack)
    stack.store.corrections.mark_lost(stack.store.records["acme", SHOP, "1002"], Change("ann", Reason.LOST))
    stack.provider.listed.update(there)


def full(stack: ListingStack) -> None:
    """Two places, of which one is a token's whose end was not confirmed."""
    stack.provider.places = 2
    mint_standing(stack)
    mint_current(stack)
    revoke_in_vain(stack)


def compare_and_apply(stack: ListingStack) -> object:
    return reconcile(stack.listing_call(), "acme", apply=True)


def work(stack: ListingStack) -> object:
    return maintain(stack.listing_call(), "acme", stack.store.due_items("acme"))


OPERATIONS = {
    "the current token is minted": Operation(mint_current),
    "the current token is minted and its answer lost": Operation(mint_current, lose_the_answer),
    "a standing token is minted": Operation(mint_standing),
    "a standing token is minted and its answer lost": Operation(mint_standing, lose_the_answer),
    "a standing token is minted with a key": Operation(mint_with_key),
    "the current token is revoked": Operation(revoke_the_first, mint_current),
    "a standing token is revoked": Operation(revoke_the_first, mint_standing),
    "a standing token is revoked in vain": Operation(revoke_in_vain, mint_standing),
    "a token without a record is revoked": Operation(revoke_the_first, lose_everything(mint_standing)),
    "the worker confirms a revocation": Operation(work, lambda stack: (mint_current(stack), revoke_in_vain(stack))),
    "the worker adopts the current token": Operation(work, lose_everything(mint_current)),
    "the worker adopts a standing token": Operation(work, lose_everything(mint_standing)),
    "the worker adopts a token with a key": Operation(work, lose_everything(mint_with_key)),
    "the worker looks at settings whose time has come": Operation(work, of_age),
    "the worker ends an intent": Operation(work, never_made),
    "the token is rotated": Operation(rotate_ordinarily, after_a_rotation),
    "a first token is made by a rotation": Operation(rotate_ordinarily),
    "the token is rotated and the answer lost": Operation(rotate_ordinarily, after_a_lost_answer),
    "the token is compromised": Operation(rotate_at_once, after_a_rotation),
    "the token is compromised and the answer lost": Operation(rotate_at_once, after_a_lost_answer),
    "the worker goes on with a rotation": Operation(work, begun_in_vain(rotate_ordinarily)),
    "the worker goes on with a compromised one": Operation(work, begun_in_vain(rotate_at_once)),
    "the worker goes on where a token was made": Operation(work, unlisted(rotate_ordinarily)),
    "the worker goes on where one was made at once": Operation(work, unlisted(rotate_at_once)),
    "the worker ends an overlap": Operation(work, the_overlap_is_over),
    "a reconciliation adopts": Operation(compare_and_apply, forgotten, astray=True),
    "a reconciliation marks lost and mints": Operation(compare_and_apply, settled(missing), astray=True),
    "a reconciliation finds what was gone": Operation(compare_and_apply, settled(back_again), astray=True),
    "the worker reconciles": Operation(work, settled(missing, DAY), astray=True),
    "a create at the limit": Operation(mint_standing, full),
}


@killed_after_each_call(OPERATIONS)
def test_the_worker_brings_everything_to_its_end(stack: ListingStack, operation: Operation) -> None:
    if not operation.astray:
        assert_nothing_lost(stack)
    assert_nothing_served_that_ends(stack.store)

    for _ in range(ROUNDS):
        stack.clock.advance(operation.pause)
        work(stack)
        assert_nothing_lost(stack)
        assert_nothing_served_that_ends(stack.store)

    assert_all_ended(stack)
    assert_all_is_told(stack.store)


@killed_after_each_call(OPERATIONS)
def test_replaced_tokens_end_with_their_overlap(stack: ListingStack, operation: Operation) -> None:
    for pause in (LONG, LONG, OVERLAP, LONG, LONG):
        stack.clock.advance(pause)
        work(stack)

    assert_all_ended(stack)
    assert_all_is_told(stack.store)
    assert State.RETIRING not in {record.state for record in stack.store.records.values()}


@killed_after_each_call(
    {name: each for name, each in OPERATIONS.items() if name.startswith("the token is compromised")}
)
def test_a_compromised_token_ends_without_an_overlap(stack: ListingStack, operation: Operation) -> None:
    if not any(rotation.compromised for rotation in stack.store.rotation_items.values()):
        return  # it died before the wish stood in the table: whoever asked has no answer, and asks again
    for _ in range(ROUNDS):
        stack.clock.advance(LONG)
        work(stack)

    (current,) = stack.provider.listed
    assert stack.store.records["acme", SHOP, current].state is State.CURRENT
    assert current not in {"1001", "1002"}


@killed_after_each_call(OPERATIONS)
def test_a_worker_that_is_killed_as_well_is_followed_by_another(stack: ListingStack, operation: Operation) -> None:
    store, provider, secrets = stack.store, stack.provider, stack.secrets
    for after in (*range(1, 30), None, None):  # what one round finds, the next one asks for
        stack.clock.advance(operation.pause)
        Killer(after=after).surround(stack)
        with suppress(Killed):
            maintain(stack.listing_call(), "acme", store.due_items("acme"))
        stack.store, stack.provider, stack.secrets = store, provider, secrets
        stack.forget_memory()
        if not operation.astray:
            assert_nothing_lost(stack)
        assert_nothing_served_that_ends(store)

    assert_all_ended(stack)
    assert_all_is_told(stack.store)


@killed_after_each_call({name: each for name, each in OPERATIONS.items() if not each.astray})
def test_the_shop_has_a_token_whatever_happened(stack: ListingStack, operation: Operation) -> None:
    """A caller need not wait for the clock, only for the lease of who died."""
    stack.clock.advance(60)

    served = shop_token(stack.call(), "acme")

    assert served.token_id in stack.provider.listed
    assert stack.store.records["acme", SHOP, served.token_id].state is State.CURRENT
    assert_nothing_lost(stack)


def test_the_points_are_those_of_every_step() -> None:
    """So that a harness which counts nothing cannot pass."""
    counted = {name: operation.points() for name, operation in OPERATIONS.items()}

    assert all(calls for calls in counted.values())
    assert {"acquire", "mint", "commit"} <= set(counted["the current token is minted"])
    assert {"mark_revoking", "revoke", "mark_revoked"} <= set(counted["the current token is revoked"])
    assert {"acquire_expired", "list_tokens", "commit"} <= set(counted["the worker adopts the current token"])
    made = {"request", "acquire", "mint", "list_tokens", "commit", "end"}
    assert made <= set(counted["the token is rotated"])
    assert made | {"mark_revoking"} <= set(counted["the token is compromised"])
    assert {"mark_revoking", "revoke", "mark_revoked"} <= set(counted["the worker ends an overlap"])
    assert {"adopt", "complete"} <= set(counted["a reconciliation adopts"])
    assert {"mark_lost", "mint", "commit"} <= set(counted["a reconciliation marks lost and mints"])
    assert {"revoke_again", "restore"} <= set(counted["a reconciliation finds what was gone"])
    assert {"list_tokens", "revoke", "mark_revoked"} <= set(counted["a create at the limit"])


def assert_nothing_lost(stack: ListingStack) -> None:
    """Each token of ours at the provider has a record, or an open intent that leads to it."""
    for token_id, listed in stack.provider.listed.items():
        mark = parse_title(listed.title)
        assert mark.broker_id == BROKER_ID
        recorded = ("acme", SHOP, token_id) in stack.store.records
        assert recorded or mark.intent_id in stack.store.open_intents, f"{token_id} is lost"


def assert_nothing_served_that_ends(store: MemoryStore) -> None:
    served = store.leases.state("acme", SHOP).token
    if served is not None:
        assert store.records["acme", SHOP, served.token_id].state in SERVABLE
    for record in store.records.values():
        assert (record.access_token is None) == (record.state not in SERVABLE)


def assert_all_ended(stack: ListingStack) -> None:
    """Nothing is left to do, and table and provider say the same."""
    store = stack.store
    assert (store.open_intents, store.due_items("acme")) == ([], [])
    assert [rotation for rotation in store.rotation_items.values() if rotation.open] == []
    alive = {token_id for (_, _, token_id), record in store.records.items() if record.state in SERVABLE}
    assert alive == set(stack.provider.listed)
    assert State.REVOKING not in {record.state for record in store.records.values()}


def assert_all_is_told(store: MemoryStore) -> None:
    """Each change is in its record's history, and its event is emitted once."""
    assert_each_change_is_told_once(list(store.records.values()), store.told)
    failures = sum(event.type == "RotationFailed" for event in store.told)
    assert failures == sum(rotation.tries > 0 for rotation in store.rotation_items.values())
