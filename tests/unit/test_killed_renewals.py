"""The process dies after any one of its calls while it obtains or renews a pair, and no refresh token is lost."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.fakes import killing
from tests.fakes.killing import killed_after_each_call
from tests.fakes.provider import lost
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import PairStack, pair_stack
from token_broker.domain.credential_pair import MerchantState, StateReason
from token_broker.errors import BrokerError, StorageUnavailable
from token_broker.lifecycle.migrate import migrate
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.issue import standing_token
from token_broker.tokens.sign_in import IDLE

type Act = Callable[[PairStack], object]

HOUR = 60 * 60
SHOP = "acme.myshopify.com"


@dataclass(frozen=True)
class Operation(killing.Operation[PairStack]):
    """`pairs`: the provider made so many in the end. `again`: one that was stored and not named is renewed at once."""

    pairs: int = 1
    again: bool = False

    def make(self) -> PairStack:
        return pair_stack()


def mint(stack: PairStack) -> object:
    return standing_token(stack.listing_call(), "acme", "T", None)


def work(stack: PairStack) -> object:
    return maintain(stack.listing_call(), "acme", ["pair#shop"] if "pair#shop" in stack.store.due_items("acme") else [])


def end_permanent_token(stack: PairStack) -> object:
    return migrate(stack.call(), "acme", confirm=SHOP)


def later(seconds: float) -> Act:
    """Mint so many seconds ago."""

    def arrange(stack: PairStack) -> None:
        mint(stack)
        stack.clock.advance(seconds)

    return arrange


def permanent(stack: PairStack) -> None:
    stack.secrets.stored["acme"] = {"adminAccessToken": stack.provider.give_permanent()}


def migrated_without_an_answer(stack: PairStack) -> None:
    permanent(stack)
    stack.provider.grants = [(lost(), True)]
    end_permanent_token(stack)
    stack.clock.advance(LEASE)


def answer_lost(stack: PairStack) -> None:
    later(HOUR)(stack)
    stack.provider.grants = [(lost(), True)]
    with suppress(BrokerError):
        mint(stack)
    stack.clock.advance(LEASE)


def unnamed(stack: PairStack) -> None:
    stack.store.refuse("pairs.commit", StorageUnavailable("down"))
    with suppress(StorageUnavailable):
        mint(stack)
    stack.clock.advance(LEASE)


def restored(stack: PairStack) -> None:
    later(HOUR)(stack)
    old = stack.store.pairs.items["acme"]
    later(HOUR)(stack)
    stack.store.pairs.items["acme"] = old
    stack.forget_memory()


OPERATIONS = {
    "a first sign-in": Operation(mint),
    "a sign-in with a stored pair that nobody has named": Operation(mint, unnamed),
    "a renewal after the end of the access token": Operation(mint, later(HOUR), pairs=2),
    "a renewal while the access token works": Operation(mint, later(HOUR - 60), pairs=2),
    "a renewal whose answer was lost": Operation(mint, answer_lost, pairs=2),
    "a renewal after the table was restored": Operation(mint, restored, pairs=3, again=True),
    "the worker renews an unused pair": Operation(work, later(IDLE), pairs=2),
    "a migration": Operation(end_permanent_token, permanent),
    "the worker completes a migration": Operation(work, migrated_without_an_answer, again=True),
}


@killed_after_each_call(OPERATIONS)
def test_no_refresh_token_is_lost(stack: PairStack, operation: Operation) -> None:
    assert_nothing_lost(stack)
    assert_all_works_again(stack, operation)


@killed_after_each_call({name: OPERATIONS[name] for name in ("a migration", "the worker completes a migration")})
def test_the_worker_completes_a_migration_that_was_confirmed(stack: PairStack, operation: Operation) -> None:
    confirmed = "acme" in stack.store.pairs.items
    stack.clock.advance(LEASE)

    work(stack)

    record = stack.store.pairs.get("acme")
    assert not record.migrating
    assert (record.version_id is not None) is confirmed


def locked_out(stack: PairStack) -> None:
    later(HOUR)(stack)
    stack.provider.authorize()


def mint_in_vain(stack: PairStack) -> None:
    with suppress(BrokerError):
        mint(stack)


@killed_after_each_call({"a refusal": Operation(mint_in_vain, locked_out, pairs=2)})
def test_a_refusal_is_stored_once_whatever_happens_and_a_new_secret_ends_it(
    stack: PairStack, operation: Operation
) -> None:
    stack.clock.advance(LEASE)
    mint_in_vain(stack)

    assert stack.store.pairs.get("acme").state is MerchantState.REAUTHORIZATION_REQUIRED
    assert reasons(stack) == [StateReason.REFRESH_TOKEN_REFUSED]

    stack.secrets.stored["acme"] = {"refreshToken": stack.provider.authorize()}
    mint(stack)
    assert stack.store.pairs.get("acme").state is MerchantState.ACTIVE
    assert reasons(stack) == [StateReason.REFRESH_TOKEN_REFUSED, StateReason.SECRET_CHANGED]
    assert_nothing_lost(stack)


def test_the_points_are_those_of_every_step() -> None:
    """So that a harness which counts nothing cannot pass."""
    counted = {name: operation.points() for name, operation in OPERATIONS.items()}

    for name, calls in counted.items():
        assert {"acquire", "commit", "get", "read"} <= set(calls), name
        if name == "a sign-in with a stored pair that nobody has named":
            continue
        assert {"write", "exchange" if "a migration" in name else "refresh"} <= set(calls), name


def reasons(stack: PairStack) -> list[object]:
    return [event.detail["reason"] for event in stack.store.told if event.type == "MerchantStateChanged"]


def assert_nothing_lost(stack: PairStack) -> None:
    """Check that the live pair is stored, or that the token that is sent next gives it."""
    secret, stored = stack.secrets.stored["acme"], stack.session_secrets.read("acme")
    sent = stored.pair.refresh_token if stored is not None else next(iter(secret.values()))
    given = stack.provider.given.get(sent)
    live = stack.provider.live.keys() | stack.provider.permanent
    assert sent in live or (given is not None and given.refresh_token in live)


def assert_all_works_again(stack: PairStack, operation: Operation) -> None:
    """Whoever asked asks again after the lease of the process that died."""
    stack.clock.advance(LEASE)
    operation.act(stack)
    mint(stack)

    record, newest = stack.store.pairs.get("acme"), stack.session_secrets.read("acme")
    assert newest is not None
    assert newest.pair.refresh_token in stack.provider.live
    assert record.version_id == newest.version_id
    assert record.due_at is not None
    assert record.lease_ends_at == 0
    assert not record.migrating
    assert operation.pairs <= stack.provider.pairs_made <= operation.pairs + operation.again
    assert (record.state, reasons(stack)) == (MerchantState.ACTIVE, [])
