"""DynamoDB failing: always `StorageUnavailable`, which tells nothing of AWS's message; a lost answer is found again."""

import re
from collections.abc import Callable

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ParamValidationError

from tests.fakes.samples import BY_ANN
from tests.integration.support.outages import answer_lost, aws_error, refusing, timed_out
from tests.integration.support.store_harness import (
    INTENT,
    MERCHANT,
    NOW_S,
    SESSION,
    StoreBench,
    shop_token,
    there,
)
from token_broker.aws.store.leases import LEASE
from token_broker.domain.credential_pair import MerchantState, StateReason
from token_broker.domain.events import merchant_state_changed
from token_broker.domain.leases import LeaseHeld
from token_broker.domain.token import State
from token_broker.errors import RequestOutcome, StorageUnavailable

ENDPOINT = "https://dynamodb.us-east-1.amazonaws.com"
FAILURES: dict[str, Callable[[], Exception]] = {
    "throttled": lambda: aws_error("ProvisionedThroughputExceededException"),
    "denied": lambda: aws_error("AccessDeniedException"),
    "no table": lambda: aws_error("ResourceNotFoundException"),
    "internal": lambda: aws_error("InternalServerError"),
    "invalid": lambda: aws_error("ValidationException"),
    "read timeout": timed_out,
    "connect timeout": lambda: ConnectTimeoutError(endpoint_url=ENDPOINT),
    "no connection": lambda: EndpointConnectionError(endpoint_url=ENDPOINT),
    "no credentials": NoCredentialsError,
    "bad arguments": lambda: ParamValidationError(report="secret-ish report"),
}
STANDING = shop_token(state=State.STANDING)
CALLS: dict[str, tuple[str, Callable[[StoreBench], object]]] = {
    "subject of a shop": ("GetItem", lambda bench: bench.state()),
    "subject of a session": ("Query", lambda bench: bench.state("session:1")),
    "token": ("GetItem", lambda bench: bench.store().tokens.get(MERCHANT, "1")),
    "tokens": ("Query", lambda bench: bench.store().tokens.all(MERCHANT)),
    "broker id, read": ("GetItem", lambda bench: bench.store().tokens.broker_id()),
    "broker id, write": ("PutItem", lambda bench: bench.store().tokens.broker_id()),
    "count a mint": ("UpdateItem", lambda bench: bench.limited(1).store().mint_quotas.take(MERCHANT)),
    "begin standing": ("UpdateItem", lambda bench: bench.begin_standing()),
    "close": ("TransactWriteItems", lambda bench: bench.store("chicksx").sessions.close(MERCHANT, SESSION, None)),
    "mark revoking": ("UpdateItem", lambda bench: bench.store().tokens.mark_revoking(STANDING, BY_ANN)),
    "mark the current": ("TransactWriteItems", lambda bench: bench.store().tokens.mark_revoking(shop_token(), BY_ANN)),
    "mark revoked": ("TransactWriteItems", lambda bench: bench.store().tokens.mark_revoked(shop_token(), BY_ANN)),
    "publish": ("TransactWriteItems", lambda bench: bench.issue(shop_token())),
}
TELLS_NOTHING = re.compile(r"arn:|amazonaws|dynamodb|123456789012|Exception|report", re.IGNORECASE)


def canceled(*codes: str) -> Exception:
    return aws_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@pytest.mark.parametrize(
    ("operation", "run", "failure"),
    [
        *(pytest.param("UpdateItem", lambda bench: bench.begin(), each, id=each) for each in FAILURES),
        *(pytest.param(operation, run, "denied", id=call) for call, (operation, run) in CALLS.items()),
    ],
)
def test_a_failure_of_dynamodb_is_storage_unavailable(
    bench: StoreBench, operation: str, run: Callable[[StoreBench], object], failure: str
) -> None:
    with (
        refusing(bench.dynamodb, operation, error=FAILURES[failure]) as outage,
        pytest.raises(StorageUnavailable) as failed,
    ):
        run(bench)

    assert outage.struck == 1
    assert not TELLS_NOTHING.search(failed.value.detail)
    assert not TELLS_NOTHING.search(str(failed.value.problem("request-1")))
    assert failed.value.__cause__ is None
    assert failed.value.retry_after == 1


# Conflicts: botocore does not repeat a write to an item that a transaction is just writing


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_met_another_is_tried_again(bench: StoreBench, code: str) -> None:
    mint = bench.begin()

    with refusing(bench.dynamodb, "TransactWriteItems", error=lambda: canceled("None", code), times=2) as outage:
        bench.store().leases.commit(mint, shop_token())

    assert outage.struck == 2
    assert bench.served() == "1001"


def test_a_transaction_that_meets_others_for_ever_is_given_up(bench: StoreBench) -> None:
    mint, conflict = bench.begin(), canceled("TransactionConflict", "None")

    with (
        refusing(bench.dynamodb, "TransactWriteItems", error=lambda: conflict) as outage,
        pytest.raises(StorageUnavailable),
    ):
        bench.store().leases.commit(mint, shop_token())

    assert outage.struck == 3


def test_a_single_write_that_met_a_transaction_is_tried_again(bench: StoreBench) -> None:
    conflict = aws_error("TransactionConflictException")
    with refusing(bench.dynamodb, "UpdateItem", error=lambda: conflict, times=1) as outage:
        bench.begin()

    assert outage.struck == 1


# Lost answers


@pytest.mark.parametrize("acted", [True, False])
def test_a_publish_without_an_answer_is_found_by_its_token_or_its_intent(bench: StoreBench, *, acted: bool) -> None:
    store, mint = bench.store(), bench.begin()

    with refusing(bench.dynamodb, "TransactWriteItems", acted=acted), pytest.raises(StorageUnavailable):
        store.leases.commit(mint, shop_token())
    store.leases.release(mint, RequestOutcome.UNKNOWN)

    assert bench.served() == ("1001" if acted else None)
    assert store.leases.open_intent_ids(MERCHANT) == (set() if acted else {INTENT})
    assert bench.pending() == ({} if acted else {"subject#shop": NOW_S + LEASE})


def test_a_lease_whose_answer_was_lost_is_ones_own(bench: StoreBench) -> None:
    """The SDK repeats the write, which then finds its own owner. The fence rises once."""
    pairs = bench.store().pairs
    bench.begin(merchant="expired", expected=bench.state())
    bench.clock.advance(LEASE + 1)
    found = []
    for take in (
        bench.begin,
        lambda: bench.begin_standing(key_id="k" * 26, body_hash="hash"),
        lambda: there(bench.store().leases.acquire_expired("expired", None, "worker")).lease,
        lambda: there(pairs.acquire(pairs.get(MERCHANT), "owner-1")),
    ):
        with answer_lost(bench.dynamodb, "UpdateItem") as lost:
            lease = take()
        assert lost.struck == 1
        found.append((lease.owner, lease.fence))

    assert found == [("owner-1", 1), ("owner-1", 1), ("worker", 2), ("owner-1", 1)]


@pytest.mark.parametrize("refused", [False, True])
def test_the_end_of_a_renewal_whose_answer_was_lost_is_found(bench: StoreBench, *, refused: bool) -> None:
    pairs = bench.store().pairs
    lease = there(pairs.acquire(pairs.get(MERCHANT), "owner-1"))

    with answer_lost(bench.dynamodb, "UpdateItem") as lost:
        done = pairs.refuse(lease, "s", 1, None) if refused else pairs.commit(lease, "v-1", "origin-1", 1, None)

    assert (lost.struck, done, pairs.get(MERCHANT).fence) == (1, True, 2)


def test_a_lost_answer_with_an_event_emits_one_event(bench: StoreBench, engine: str) -> None:
    pairs = bench.store().pairs
    lease = there(pairs.acquire(pairs.get(MERCHANT), "owner-1"))
    active, required = MerchantState.ACTIVE, MerchantState.REAUTHORIZATION_REQUIRED
    reason = StateReason.REFRESH_TOKEN_REFUSED
    event = merchant_state_changed("shopify", MERCHANT, before=active, after=required, reason=reason, at=NOW_S)

    with answer_lost(bench.dynamodb, "TransactWriteItems") as lost:
        done = pairs.refuse(lease, "print-of-secret", NOW_S, event)

    assert lost.struck == 1
    assert done or engine == "moto", "moto does not remember a transaction's id"
    assert len(bench.told()) == 1
    assert pairs.get(MERCHANT).state is required


def test_a_reschedule_whose_answer_was_lost_counts_once(bench: StoreBench) -> None:
    bench.store().tokens.mark_revoking(bench.issue(shop_token()), BY_ANN)

    with answer_lost(bench.dynamodb, "UpdateItem") as lost:
        bench.store().schedule.reschedule(bench.revocation(), NOW_S + 60, failure="provider_unavailable")

    assert lost.struck == 1
    assert (bench.revocation().due_at, bench.revocation().tries) == (NOW_S + 60, 1)


def test_a_closing_whose_answer_was_lost_finds_itself(bench: StoreBench) -> None:
    with answer_lost(bench.dynamodb, "TransactWriteItems") as lost:
        closure = bench.store("chicksx").sessions.close(MERCHANT, SESSION, "order-1")

    assert lost.struck == 1
    assert (closure.closed_at, closure.order_id) == (NOW_S, "order-1")
    assert bench.told("orderId") == [("SessionClosed", "order-1")]


def test_a_begin_whose_answer_was_lost_does_not_find_its_lease_once_the_session_is_closed(bench: StoreBench) -> None:
    """So the provider is not even asked."""
    events, sessions = bench.dynamodb.meta.events, bench.of("chicksx")
    seen = sessions.state()

    def close(**_: object) -> None:
        events.unregister("needs-retry.dynamodb.UpdateItem", close)
        sessions.store().sessions.close(MERCHANT, SESSION, None)

    with answer_lost(bench.dynamodb, "UpdateItem") as lost:
        events.register_first("needs-retry.dynamodb.UpdateItem", close)
        begun = sessions.acquire(expected=seen)

    assert lost.struck == 1
    assert isinstance(begun, LeaseHeld)
    assert sessions.state().closed


def test_a_broker_id_whose_answer_was_lost_is_its_own(bench: StoreBench) -> None:
    with answer_lost(bench.dynamodb, "PutItem") as lost:
        made = bench.store().tokens.broker_id()

    assert lost.struck == 1
    assert bench.items() == [{"pk": "broker", "sk": "id", "brokerId": made}]
