"""DynamoDB refusing at each moment of a mint and of a revocation: the caller is told, and nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.support.functions import (
    CHICKSX,
    CLOSE,
    CREATE,
    CURRENT,
    DELETE,
    FOURTHWALL,
    FUNCTIONS,
    LIST,
    HttpResponse,
    provider_of,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import aws_error, refusing, timed_out
from token_broker.aws.store.leases import LEASE

MINTING = [FOURTHWALL, CHICKSX, CURRENT, CREATE]
READS = ("GetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.tokens.issue.WAIT_FOR_OTHERS", 0.05)


def check(answer: HttpResponse) -> None:
    assert (answer.status, answer.code) == (503, "storage_unavailable")
    assert (answer.body["retryable"], answer.retry_after) == (True, "1")
    assert "arn:" not in str(answer.body)
    assert "accessToken" not in answer.body


@contextmanager
def denied(stack: Stack, *operations: str, acted: bool = False, times: int = 1_000_000) -> Iterator[None]:
    error = timed_out if acted else lambda: aws_error("AccessDeniedException")
    with refusing(stack.dynamodb, *operations, error=error, acted=acted, times=times):
        yield


@pytest.mark.parametrize(
    ("function", "operations"),
    [(each, (*READS, *WRITES)) for each in (*FUNCTIONS, CLOSE)]
    + [(each, ("UpdateItem",)) for each in MINTING]  # there is no intent
    + [(CURRENT, ("PutItem",)), (CREATE, ("PutItem",)), (LIST, ("Query",))],  # the stack's own name, the records
)
def test_a_caller_is_told_and_nothing_is_minted(function: str, operations: tuple[str, ...], stack: Stack) -> None:
    with denied(stack, *operations):
        check(stack.worker(function).api())

    assert stack.mints(provider_of(function)) == 0
    assert [item for item in stack.items() if "owner" in item or "closedAt" in item] == []


@pytest.mark.parametrize("function", MINTING)
def test_an_intent_that_was_written_unseen_blocks_for_its_lease_only(function: str, stack: Stack) -> None:
    with denied(stack, "UpdateItem", acted=True, times=1):
        check(stack.worker(function).api())
    assert stack.asked(function) == []

    waiting = stack.worker(function).api()
    assert (waiting.status, waiting.code, waiting.retry_after) == (503, "mint_in_progress", "1")

    stack.clock.offset += LEASE + 1
    assert stack.worker(function).api().status in (200, 201)
    assert stack.mints(provider_of(function)) == 1


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("function", [FOURTHWALL, CURRENT, CREATE])
def test_a_minted_token_that_was_not_stored_is_not_handed_out_and_the_next_call_has_it(
    function: str, acted: bool, stack: Stack
) -> None:
    with denied(stack, "TransactWriteItems", acted=acted):
        check(stack.worker(function).api())

    answer = stack.worker(function).api()

    assert answer.status in (200, 201)
    assert stack.mints(provider_of(function)) == 1
    assert len([item for item in stack.items() if item["sk"].startswith("token#")]) == 1
    assert [item for item in stack.items() if "intentId" in item] == []


def test_a_session_whose_token_was_not_stored_gets_another(stack: Stack) -> None:
    stack.merchant("chicksx", tokenSeconds=100)
    with denied(stack, "TransactWriteItems"):
        check(stack.worker(CHICKSX).api())
    (lost,) = stack.control.state()["chicksx"][MERCHANT]["tokens"]
    stack.merchant("chicksx", tokenSeconds=3600)

    assert stack.worker(CHICKSX).api().status == 201

    # ChicksX can neither list nor revoke: the first one ends by itself, and until then is known to the log alone.
    log = stack.worker(CHICKSX).log
    assert any("minted_but_not_stored" in line and lost["fingerprint"] in line for line in log)
    stack.control.advance(101)


@pytest.mark.parametrize("function", [FOURTHWALL, CURRENT, CREATE])
def test_a_storage_that_stays_away_leaves_the_intent_under_its_lease(function: str, stack: Stack) -> None:
    """The provider acted, then nothing could be written at all: neither the token nor the end of the lease."""
    worker = stack.worker(function)
    with denied(stack, "TransactWriteItems"), refusing(stack.dynamodb, "UpdateItem", spared=1):
        check(worker.api())
    assert worker.api().code == "mint_in_progress"

    stack.clock.offset += LEASE + 1
    answer = worker.api()

    assert answer.status in (200, 201)
    assert stack.mints(provider_of(function)) == 1


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("function", [CREATE, CURRENT])
def test_a_revocation_that_cannot_be_marked_is_not_asked_for(function: str, acted: bool, stack: Stack) -> None:
    token_id = stack.worker(function).api().body["tokenId"]
    with denied(stack, "UpdateItem", "TransactWriteItems", acted=acted):
        check(stack.worker(DELETE).api(path={"tokenId": token_id}))

    assert [each["method"] for each in stack.asked("shopify")].count("DELETE") == 0
    again = stack.worker(DELETE).api(path={"tokenId": token_id})
    assert (again.status, again.body) == (200, {"revocation": "confirmed"})
