"""The functions log JSON lines with the call's id and embedded metrics, and no secret or token in any encoding."""

import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.local_aws import function_logs
from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.routes import FIELDS
from tests.e2e.support.token_table import TokenTable
from tests.expected_functions import FUNCTIONS
from tests.integration.support.captured_output import found as found_in
from token_broker_client import TokenBroker, errors
from token_broker_client.operations import OPERATIONS

GROUP_PREFIX = "/aws/lambda/"


def messages(aws: Aws) -> Iterator[tuple[str, str]]:
    """Every message of every log group, with the group's name."""
    logs = aws("logs")
    for group in function_logs.groups(logs):
        name = group["logGroupName"]
        for message in function_logs.messages(logs, name):
            yield name, message


def our_lines(aws: Aws) -> list[dict[str, Any]]:
    lines = [line for _, message in messages(aws) for line in message.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_each_function_writes_to_its_own_group_which_forgets(broker: TokenBroker, aws: Aws) -> None:
    for name in OPERATIONS:
        with pytest.raises(errors.InvalidRequest):
            broker.call(name, merchant="-", **FIELDS.get(name, {}))

    groups = {group["logGroupName"]: group for group in function_logs.groups(aws("logs"), "")}

    of_function = {
        function.folder: name for function in FUNCTIONS for name in groups if name.endswith(f"-{function.name}")
    }
    assert set(of_function) == {function.folder for function in FUNCTIONS}
    assert set(of_function.values()) == set(groups)
    assert all(name.startswith(GROUP_PREFIX) for name in groups)
    assert {group["retentionInDays"] for group in groups.values()} == {30}
    assert {of_function[name] for name in OPERATIONS} <= {name for name, _ in messages(aws)}


def test_a_call_can_be_found_by_the_id_in_its_answer(
    stack: Stack, broker: TokenBroker, aws: Aws, merchants: Merchants
) -> None:
    with pytest.raises(errors.MerchantNotFound) as refused:
        broker.merchant(merchants.nobody()).shopify.current()

    lines = [line for line in our_lines(aws) if line.get("message") == "answered"]
    [line] = [line for line in lines if line["correlation_id"] == refused.value.request_id]

    assert (line["level"], line["service"]) == ("INFO", stack.described["eventBus"])
    operation = "shopify/storefront_access_token"
    assert (line["provider"], line["entry_point"], line["operation"]) == ("shopify", "api", operation)
    assert (line["status"], line["code"]) == (404, "merchant_not_found")
    assert isinstance(line["cold_start"], bool)
    assert isinstance(line["ms"], int | float)
    assert line["function_name"] == stack.described["functions"]["shopify/storefront_access_token"]


def test_metrics_are_embedded_and_name_no_merchant(
    broker: TokenBroker, aws: Aws, control: ControlClient, merchants: Merchants
) -> None:
    shop, chicksx = merchants.shopify().name, merchants.chicksx().name
    shopify, sessions = broker.merchant(shop).shopify, broker.merchant(chicksx).chicksx
    for _ in range(2):
        shopify.current()
        sessions.token("s")
    shopify.list()
    control.fault("chicksx", "status", status=500)
    control.fault("chicksx", "drop_before_acting")
    for number in range(2):
        with pytest.raises(errors.ProviderUnavailable):
            sessions.token(f"t{number}")

    written = [line for line in our_lines(aws) if "_aws" in line]

    names = set()
    for line in written:
        [metrics] = line["_aws"]["CloudWatchMetrics"]
        assert metrics["Namespace"] == "TokenBroker"
        assert [set(dimensions) for dimensions in metrics["Dimensions"]] == [{"service", "provider"}]
        assert {shop, chicksx} & set(map(str, line.values())) == set()
        names |= {metric["Name"] for metric in metrics["Metrics"]}
    tokens = {"TokensIssued", "TokensServedFromStore", "TokensServedFromMemory", "TokenLimitHeadroom"}
    provider = {"ProviderCalls", "ProviderLatency", "ProviderErrors.5xx", "ProviderErrors.interrupted"}
    assert tokens | provider | {"ColdStart", "Failures.provider_unavailable"} <= names
    headroom = [line["TokenLimitHeadroom"] for line in written if "TokenLimitHeadroom" in line]
    assert [99] in headroom, "of this shop's 100 places one is taken"


@pytest.fixture
def leaks(aws: Aws, merchants: Merchants, table: TokenTable) -> Any:
    """Search all logs for every stored secret, every token in the table, and more values."""

    def found(*more: str) -> list[str]:
        stored = table.everything().values()
        records = [record for item in stored for record in (item, item.get("current", {}))]
        tokens = {record["accessToken"] for record in records if "accessToken" in record}
        everything = "\n".join(message for _, message in messages(aws))
        values = merchants.values | tokens | set(more)
        assert len(everything) > 1000
        assert len(values) > 10
        return found_in(values, everything)

    return found


def test_no_value_is_in_any_log(
    broker: TokenBroker, direct: TokenBroker, control: ControlClient, merchants: Merchants, leaks: Any
) -> None:
    """On good ways and on each bad way that has a value in its hands."""
    fourthwall, chicksx, shopify = merchants.fourthwall(), merchants.chicksx(), merchants.shopify()
    client = merchants.shopify_with_client()
    session, title = "session-canary-5d1f", "title-canary-5d1f"
    tokens, sessions = broker.merchant(shopify.name).shopify, broker.merchant(chicksx.name).chicksx
    revoked = tokens.create(title)
    broker.merchant(fourthwall.name).fourthwall.current()
    sessions.token(session)
    broker.merchant(client.name).shopify.current()
    tokens.list()
    tokens.revoke(revoked.token_id)
    echo = " ".join([*chicksx.secret.values(), f"Bearer {revoked.access_token}"])
    for fault in (
        {"kind": "status", "status": 400, "body": {"code": chicksx.secret["apiKey"], "message": echo}},
        {"kind": "status", "status": 500, "body": echo},
        {"kind": "status", "status": 201, "body": {"data": {"accessToken": revoked.access_token, "expiresAt": 1}}},
        {"kind": "malformed", "body": echo},
        {"kind": "redirect", "location": f"https://attacker.example/?{urllib.parse.quote(echo)}"},
        {"kind": "status", "status": 401, "times": 2, "body": {"code": "X", "message": echo}},
    ):
        control.fault("chicksx", **fault)
        with pytest.raises(errors.ProviderFailure) as failed:
            sessions.token(f"{session}-2")
        assert not any(value in repr(vars(failed.value)) for value in chicksx.secret.values())
    # What a direct invocation raises is written by Lambda itself, with its traceback.
    control.fault("chicksx", "status", status=400, body={"code": "X", "message": echo})
    for more in ({}, {"x": echo}):
        with pytest.raises(errors.BrokerError):
            direct.call("chicksx/public_token", merchant=chicksx.name, sessionId=f"{session}-3", **more)

    assert leaks(revoked.access_token, session, title) == []


def test_the_stacks_own_logs_hold_no_value(stack: Stack, merchants: Merchants, table: TokenTable) -> None:
    merchants.fourthwall()
    files = "\n".join(file.read_text(errors="replace") for file in (stack.folder / "logs").glob("*.log"))

    tokens = {item["accessToken"] for item in table.everything().values() if "accessToken" in item}
    assert found_in(merchants.values | tokens, files) == []


def calls(aws: Aws, group: str) -> Iterator[list[str]]:
    """Yield the lines of each call of a function, without Lambda's own START, END and REPORT."""
    logs = aws("logs")
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        lines: list[str] = []
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
            "events"
        ]:
            if event["message"].startswith("START "):
                lines = []
            elif event["message"].startswith("END "):
                yield lines
            else:
                lines += filter(None, event["message"].splitlines())


def test_every_line_is_json(broker: TokenBroker, aws: Aws, merchants: Merchants) -> None:
    """But for the traceback that Lambda adds where a direct invocation fails."""
    broker.merchant(merchants.fourthwall().name).fourthwall.current()
    with pytest.raises(errors.MerchantNotFound):
        broker.merchant(merchants.nobody()).fourthwall.current()

    looked_at = 0
    for group in {name for name, _ in messages(aws)}:
        for lines in calls(aws, group):
            if not any(line.startswith("Traceback") for line in lines):
                looked_at += 1
                assert all(isinstance(json.loads(line), dict) for line in lines)
    assert looked_at >= 2
