"""schemathesis, which knows nothing of the code, finds no answer that breaks the document.

TOKEN_BROKER_LONG=1 sends at least 10,000 requests, which takes about half an hour.
"""

import os
import re
from collections.abc import Callable

import pytest
import yaml

from sandbox.local_aws.function_logs import groups, messages
from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.openapi.fuzzing import DOCUMENT, Fuzzed, fuzz
from tests.e2e.support.storefronts import Shops
from tests.e2e.support.token_table import TokenTable

pytestmark = pytest.mark.run_last

LONG = os.environ.get("TOKEN_BROKER_LONG") == "1"
SHORT_RUN = ("--phases", "examples,fuzzing,stateful", "--max-examples", "4", "--no-shrink")
LONG_RUN = ("--max-examples", "500")


@pytest.fixture(scope="module")
def fuzzed(stack: Stack, shops: Shops, simulators: ControlClient) -> Fuzzed:
    simulators.forget_faults()
    options = LONG_RUN if LONG else SHORT_RUN
    return fuzz("document", stack, shops, "--workers", "2", *options, limit=5400 if LONG else 240)


def test_no_answer_breaks_the_document(fuzzed: Fuzzed, record_property: Callable[[str, object], None]) -> None:
    record_property("summary", fuzzed.figures())

    assert fuzzed.returncode == 0, fuzzed.said
    assert len(fuzzed.answers) >= (10_000 if LONG else 150)


def test_each_operation_succeeds_for_some_requests(fuzzed: Fuzzed) -> None:
    described = yaml.safe_load(DOCUMENT.read_text())["paths"].values()
    operations = {each["operationId"] for path in described for each in path.values() if "operationId" in each}

    assert len(operations) > 20
    assert operations - set(fuzzed.succeeded()) == set()


@pytest.mark.skipif(not LONG, reason="Each request meets a fault and waits, so it is a part of make test-long.")
def test_an_injected_fault_gives_502_503_or_504(stack: Stack, shops: Shops, simulators: ControlClient) -> None:
    options = ("--phases", "fuzzing", "--mode", "positive", "--max-examples", "40", "--no-shrink")
    fuzzed = fuzz("faults", stack, shops, *options, limit=1200, faults=True)
    simulators.forget_faults()

    assert fuzzed.returncode == 0, fuzzed.said
    assert {502, 503, 504} & {answer.status for answer in fuzzed.answers}


def test_no_log_of_the_run_has_a_secret_or_a_token(
    fuzzed: Fuzzed, stack: Stack, aws: Aws, shops: Shops, table: TokenTable
) -> None:
    logs = aws("logs")
    logged = "\n".join(message for group in groups(logs) for message in messages(logs, group["logGroupName"]))
    files = "\n".join(file.read_text(errors="replace") for file in (stack.folder / "logs").glob("*.log"))
    tokens = {item["accessToken"] for item in table.everything().values() if item.get("accessToken")}

    assert '"message":"decided"' in logged
    assert len(tokens) > 10
    assert [value[:4] for value in shops.merchants.values | tokens if value in logged or value in files] == []
    assert re.findall(r"eyJ[A-Za-z0-9_-]{8}", logged) == []
