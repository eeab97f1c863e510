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
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, ROUTES, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.expected_functions import FUNCTIONS
from tests.integration.support.captured_output import found as found_in

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


def test_each_function_writes_to_its_own_group_which_forgets(stack: Stack, aws: Aws, merchants: Merchants) -> None:
    for route in ROUTES:
        stack.call(route.method, route.to(merchants.nobody()), route.body)

    groups = {group["logGroupName"]: group for group in function_logs.groups(aws("logs"), "")}

    of_function = {
        function.folder: name for function in FUNCTIONS for name in groups if name.endswith(f"-{function.name}")
    }
    assert set(of_function) == {function.folder for function in FUNCTIONS}
    assert set(of_function.values()) == set(groups)
    assert all(name.startswith(GROUP_PREFIX) for name in groups)
    assert {group["retentionInDays"] for group in groups.values()} == {30}
    assert {of_function[route.folder] for route in ROUTES} <= {name for name, _ in messages(aws)}


def test_a_call_can_be_found_by_the_id_in_its_answer(stack: Stack, aws: Aws, merchants: Merchants) -> None:
    path = SHOPIFY_CURRENT.format(merchant=merchants.nobody())
    problem = problem_of(stack.call("GET", path), 404, "merchant_not_found")

    lines = [line for line in our_lines(aws) if line.get("message") == "answered"]
    [line] = [line for line in lines if line["correlation_id"] == problem["requestId"]]

    assert (line["level"], line["service"]) == ("INFO", stack.described["eventBus"])
    operation = "shopify/storefront_access_token"
    assert (line["provider"], line["entry_point"], line["operation"]) == ("shopify", "api", operation)
    assert (line["status"], line["code"]) == (404, "merchant_not_found")
    assert isinstance(line["cold_start"], bool)
    assert isinstance(line["ms"], int | float)
    assert line["function_name"] == stack.described["functions"]["shopify/storefront_access_token"]


def test_metrics_are_embedded_and_name_no_merchant(
    stack: Stack, aws: Aws, control: ControlClient, merchants: Merchants
) -> None:
    shop, chicksx = merchants.shopify().name, merchants.chicksx().name
    session = CHICKSX.format(merchant=chicksx)
    token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop)))
    token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop)))
    stack.call("GET", SHOPIFY.format(merchant=shop))
    token_of(stack.call("POST", session, {"sessionId": "s"}), 201)
    token_of(stack.call("POST", session, {"sessionId": "s"}))
    control.fault("chicksx", "status", status=500)
    control.fault("chicksx", "drop_before_acting")
    for number in range(2):
        stack.call("POST", session, {"sessionId": f"t{number}"})

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


def test_no_value_is_in_any_log(stack: Stack, control: ControlClient, merchants: Merchants, leaks: Any) -> None:
    """On good ways and on each bad way that has a value in its hands."""
    fourthwall, chicksx, shopify = merchants.fourthwall(), merchants.chicksx(), merchants.shopify()
    client = merchants.shopify_with_client()
    session, title = "session-canary-5d1f", "title-canary-5d1f"
    revoked = token_of(stack.call("POST", SHOPIFY.format(merchant=shopify.name), {"title": title}), 201)
    for method, path, body in (
        ("PUT", FOURTHWALL.format(merchant=fourthwall.name), None),
        ("POST", CHICKSX.format(merchant=chicksx.name), {"sessionId": session}),
        ("GET", SHOPIFY_CURRENT.format(merchant=client.name), None),
        ("GET", SHOPIFY.format(merchant=shopify.name), None),
        ("DELETE", f"{SHOPIFY.format(merchant=shopify.name)}/{revoked['tokenId']}", None),
    ):
        assert stack.call(method, path, body).ok
    echo = " ".join([*chicksx.secret.values(), f"Bearer {revoked['accessToken']}"])
    for fault in (
        {"kind": "status", "status": 400, "body": {"code": chicksx.secret["apiKey"], "message": echo}},
        {"kind": "status", "status": 500, "body": echo},
        {"kind": "status", "status": 201, "body": {"data": {"accessToken": revoked["accessToken"], "expiresAt": 1}}},
        {"kind": "malformed", "body": echo},
        {"kind": "redirect", "location": f"https://attacker.example/?{urllib.parse.quote(echo)}"},
        {"kind": "status", "status": 401, "times": 2, "body": {"code": "X", "message": echo}},
    ):
        control.fault("chicksx", **fault)
        response = stack.call("POST", CHICKSX.format(merchant=chicksx.name), {"sessionId": f"{session}-2"})
        assert response.status_code in (502, 504)
        assert not any(value in response.text for value in chicksx.secret.values())
    # What a direct invocation raises is written by Lambda itself, with its traceback.
    control.fault("chicksx", "status", status=400, body={"code": "X", "message": echo})
    stack.invoke("chicksx/public_token", {"merchant": chicksx.name, "sessionId": f"{session}-3"})
    stack.invoke("chicksx/public_token", {"merchant": chicksx.name, "sessionId": f"{session}-3", "x": echo})

    assert leaks(revoked["accessToken"], session, title) == []


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


def test_every_line_is_json(stack: Stack, aws: Aws, merchants: Merchants) -> None:
    """But for the traceback that Lambda adds where a direct invocation fails."""
    stack.call("PUT", FOURTHWALL.format(merchant=merchants.fourthwall().name))
    stack.call("PUT", FOURTHWALL.format(merchant=merchants.nobody()))

    looked_at = 0
    for group in {name for name, _ in messages(aws)}:
        for lines in calls(aws, group):
            if not any(line.startswith("Traceback") for line in lines):
                looked_at += 1
                assert all(isinstance(json.loads(line), dict) for line in lines)
    assert looked_at >= 2
