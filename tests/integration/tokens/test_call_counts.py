"""Each operation that costs money keeps to its budget in docs/explanation/costs.md, however full the table is."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.integration.conftest import deployed, new_table
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.counted_operations import SCENARIOS, Meter
from tests.integration.support.filled_table import fill, merchants, of_one_merchant
from tests.integration.support.functions import CREATE, LIST
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.unit.repository.pages import rows

#: Entries of a page of a query. A page of DynamoDB has a megabyte, which would take thousands of items.
PAGE = 11
#: The exceptions: operations that compare the records of all the merchant's own tokens with the provider's list, and
#: how many queries do so. Each takes a page for so many records. What other merchants have does not matter to them.
QUERIES_OF_OWN_RECORDS = {"the list": 2, "the worker: the daily reconciliation": 3}


@pytest.fixture(scope="module")
def destinations(aws: Mapping[str, Any]) -> Iterator[None]:
    """Create the queue and the bus that operations send to."""
    queue = aws["sqs"].create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    aws["events"].create_event_bus(Name="token-broker")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORK_QUEUE_SHOPIFY", queue)
        yield
    aws["events"].delete_event_bus(Name="token-broker")
    aws["sqs"].delete_queue(QueueUrl=queue)


@pytest.fixture
def full_table(dynamodb: Any) -> Iterator[str]:
    """Yield the name of a table with items of this merchant and of others: of each kind, more than a page."""
    number, now = PAGE + 1, int(time.time())
    with new_table(dynamodb) as name:
        fill(dynamodb, name, chain(merchants(number, now), of_one_merchant(MERCHANT, number, now)))
        yield name


@pytest.fixture
def measure(simulators: Addresses, aws: Mapping[str, Any], destinations: None) -> Callable[[str, str], Meter]:
    """Return what measures an operation on a table."""

    def run(operation: str, table: str) -> Meter:
        dynamodb, secretsmanager = aws["dynamodb"], aws["secretsmanager"]
        with deployed(simulators, dynamodb, secretsmanager, table) as stack, small_pages(dynamodb):
            meter = Meter(stack, aws)
            SCENARIOS[operation](meter)
        return meter

    return run


@contextmanager
def small_pages(dynamodb: Any) -> Iterator[None]:
    """Limit each page of a query or a scan."""

    def limit(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = PAGE

    names = [f"provide-client-params.dynamodb.{name}" for name in ("Query", "Scan")]
    for name in names:
        dynamodb.meta.events.register(name, limit)
    yield
    for name in names:
        dynamodb.meta.events.unregister(name, limit)


def budgets() -> dict[str, tuple[int, ...]]:
    """Return the rows of the table: the most reads, writes and requests of each operation."""
    table = rows("docs/explanation/costs.md", "Calls of an operation")
    return {name: tuple(int(cell) for cell in cells) for name, *cells in table}


def test_every_budget_is_measured() -> None:
    assert list(budgets()) == list(SCENARIOS)


@pytest.mark.parametrize("operation", SCENARIOS)
def test_an_operation_keeps_to_its_budget_however_full_the_table_is(
    measure: Callable[[str, str], Meter], table_name: str, full_table: str, operation: str
) -> None:
    alone = measure(operation, table_name)
    assert all(most >= seen >= 0 for most, seen in zip(budgets()[operation], alone.measured, strict=True)), (
        alone.measured
    )

    among_others = measure(operation, full_table)
    further_pages = Counter(Query=QUERIES_OF_OWN_RECORDS.get(operation, 0))
    assert Counter(among_others.calls) == Counter(alone.calls) + further_pages
    assert among_others.measured[2] == alone.measured[2], "requests to the provider"


def test_a_cold_mint_with_a_pair_reads_at_most_two_more_secrets(stack: Stack, aws: Mapping[str, Any]) -> None:
    stack.app_merchant()
    stack.cold(LIST).api()
    stack.merchant("shopify", "permanent")
    calls = {}

    for merchant in (MERCHANT, "permanent"):
        with counted(*aws.values()) as calls[merchant]:
            stack.cold(CREATE).api(path={"merchant": merchant})

    assert Counter(calls[MERCHANT]) - Counter(calls["permanent"]) <= Counter(GetSecretValue=2, GetItem=1)
