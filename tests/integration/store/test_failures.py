"""DynamoDB failing: always `StorageUnavailable`, which tells the caller nothing of AWS's message."""

import re
from collections.abc import Callable

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ParamValidationError

from tests.fakes.samples import BY_ANN
from tests.integration.support.outages import aws_error, refusing, timed_out
from tests.integration.support.store_harness import INTENT, MERCHANT, SESSION, StoreBench, lease_request, shop_token
from token_broker.domain.leases import MintLease
from token_broker.domain.token import SHOP, State
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
CALLS: dict[str, tuple[str, Callable[[StoreBench], object]]] = {
    "subject of a shop": ("GetItem", lambda bench: bench.store().leases.state(MERCHANT, SHOP)),
    "subject of a session": ("Query", lambda bench: bench.store().leases.state(MERCHANT, "session:1")),
    "token": ("GetItem", lambda bench: bench.store().tokens.get(MERCHANT, "1")),
    "tokens": ("Query", lambda bench: bench.store().tokens.all(MERCHANT)),
    "broker id, read": ("GetItem", lambda bench: bench.store().tokens.broker_id()),
    "broker id, write": ("PutItem", lambda bench: bench.store().tokens.broker_id()),
    "begin current": ("UpdateItem", lambda bench: bench.begin(bench.store())),
    "begin standing": ("UpdateItem", lambda bench: bench.acquire_standing(bench.store())),
    "close": ("TransactWriteItems", lambda bench: bench.store("chicksx").sessions.close(MERCHANT, SESSION, None)),
    "mark revoking": (
        "UpdateItem",
        lambda bench: bench.store().tokens.mark_revoking(shop_token(state=State.STANDING), BY_ANN),
    ),
    "mark the current one": (
        "TransactWriteItems",
        lambda bench: bench.store().tokens.mark_revoking(shop_token(), BY_ANN),
    ),
    "mark revoked": ("TransactWriteItems", lambda bench: bench.store().tokens.mark_revoked(shop_token(), BY_ANN)),
    "publish": ("TransactWriteItems", lambda bench: bench.issue(bench.store(), shop_token())),
}
TELLS_NOTHING = re.compile(r"arn:|amazonaws|dynamodb|123456789012|Exception|report", re.IGNORECASE)


@pytest.mark.parametrize(
    ("call", "failure"),
    [("begin current", failure) for failure in FAILURES]
    + [(call, "denied") for call in CALLS if call != "begin current"],
)
def test_a_failure_of_dynamodb_is_storage_unavailable(bench: StoreBench, call: str, failure: str) -> None:
    operation, run = CALLS[call]

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


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_met_another_is_tried_again(bench: StoreBench, code: str) -> None:
    store = bench.store()
    mint = bench.begin(store)

    with refusing(bench.dynamodb, "TransactWriteItems", error=lambda: _canceled("None", code), times=2) as outage:
        store.leases.commit(mint, shop_token())

    assert outage.struck == 2
    assert store.tokens.get(MERCHANT, "1001") is not None


def test_a_transaction_that_meets_others_for_ever_is_given_up(bench: StoreBench) -> None:
    store = bench.store()
    mint = bench.begin(store)

    with (
        refusing(
            bench.dynamodb, "TransactWriteItems", error=lambda: _canceled("TransactionConflict", "None")
        ) as outage,
        pytest.raises(StorageUnavailable),
    ):
        store.leases.commit(mint, shop_token())

    assert outage.struck == 3


def test_a_revocation_that_met_a_transaction_is_marked_all_the_same(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    met = refusing(
        bench.dynamodb, "TransactWriteItems", error=lambda: _canceled("None", "TransactionConflict"), times=1
    )

    with met:
        store.tokens.mark_revoking(token, BY_ANN)

    assert store.leases.state(MERCHANT, SHOP).token is None


def test_a_single_write_that_met_a_transaction_is_tried_again(bench: StoreBench) -> None:
    """DynamoDB refuses a write to an item that a transaction is just writing; botocore does not repeat that."""
    store = bench.store()
    met = refusing(bench.dynamodb, "UpdateItem", error=lambda: aws_error("TransactionConflictException"), times=1)

    with met as outage:
        mint = store.leases.acquire(lease_request(), store.leases.state(MERCHANT, SHOP))

    assert outage.struck == 1
    assert isinstance(mint, MintLease)


def test_a_publish_that_happened_unseen_can_be_found_again(bench: StoreBench) -> None:
    store = bench.store()
    mint = bench.begin(store)

    with refusing(bench.dynamodb, "TransactWriteItems", acted=True), pytest.raises(StorageUnavailable):
        store.leases.commit(mint, shop_token())
    store.leases.release(mint, RequestOutcome.UNKNOWN)

    state = store.leases.state(MERCHANT, SHOP)
    assert state.token is not None
    assert state.token.token_id == "1001"
    assert bench.due() == []


def test_a_publish_that_did_not_happen_leaves_the_intent(bench: StoreBench) -> None:
    store = bench.store()
    mint = bench.begin(store)

    with refusing(bench.dynamodb, "TransactWriteItems"), pytest.raises(StorageUnavailable):
        store.leases.commit(mint, shop_token())
    store.leases.release(mint, RequestOutcome.UNKNOWN)

    item = bench.item("shopify#acme", "subject#shop")
    assert item is not None
    assert item["intentId"] == INTENT
    assert store.tokens.get(MERCHANT, "1001") is None


def _canceled(*codes: str) -> Exception:
    return aws_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])
