"""DynamoDB refuses a function: its caller is told in the agreed words, and nothing is minted.

What a refusal at each moment leads to is in `tests/e2e/faults`, with real processes.
"""

import pytest

from tests.integration.support.functions import (
    CHICKSX,
    CLOSE,
    CREATE,
    CURRENT,
    FOURTHWALL,
    FUNCTIONS,
    LIST,
    provider_of,
)
from tests.integration.support.in_process_stack import Stack
from tests.integration.support.outages import aws_error, refusing

MINTING = [FOURTHWALL, CHICKSX, CURRENT, CREATE]
READS = ("GetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@pytest.mark.parametrize(
    ("function", "operations"),
    [(each, (*READS, *WRITES)) for each in (*FUNCTIONS, CLOSE)]
    + [(each, ("UpdateItem",)) for each in MINTING]  # there is no intent
    + [(CURRENT, ("PutItem",)), (CREATE, ("PutItem",)), (LIST, ("Query",))],  # the stack's own name, the records
)
def test_a_caller_is_told_and_nothing_is_minted(function: str, operations: tuple[str, ...], stack: Stack) -> None:
    with refusing(stack.dynamodb, *operations, error=lambda: aws_error("AccessDeniedException")):
        answer = stack.worker(function).api()

    assert (answer.status, answer.code) == (503, "storage_unavailable")
    assert (answer.body["retryable"], answer.retry_after) == (True, "1")
    assert "arn:" not in str(answer.body)
    assert "accessToken" not in answer.body

    assert stack.mints(provider_of(function)) == 0
    assert [item for item in stack.items() if "owner" in item or "closedAt" in item] == []
