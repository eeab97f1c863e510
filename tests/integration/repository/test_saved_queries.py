"""The template's saved queries find what they promise in lines that the functions really write."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.fakes.events import queue_event
from tests.fakes.logs_insights import Row, UnknownSyntaxError, discovered, run
from tests.fakes.trust_policies import SHOP, policy
from tests.integration.conftest import deployed, new_table
from tests.integration.support.functions import CURRENT, FOURTHWALL, MAINTAIN, SHOP_AUTHORIZER
from tests.integration.support.gateway import authorizer_request, opened, request, with_context
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.unit.repository.transformed import plain, resources, transformed
from token_broker.domain.delays import DAY

REQUEST = "8c1e3f60-0000-4000-8000-000000000007"
#: The line at the end of a call, as Lambda's documentation shows it: of a warm process, and of a cold start.
WARM = "REPORT RequestId: 1\tDuration: 6.20 ms\tBilled Duration: 7 ms\tMemory Size: 512 MB\tMax Memory Used: 99 MB\t"
COLD = f"{WARM}Init Duration: 409.50 ms\t"
#: What a reader of a query puts in place of its sample.
REPLACED = {"OneRequest": "REQUEST", "OneToken": "FINGERPRINT"}


def queries() -> dict[str, dict[str, Any]]:
    found = resources("AWS::Logs::QueryDefinition")
    return {name.removesuffix("Query"): plain(each) for name, each in found.items()}


def play(stack: Stack) -> None:
    """Have a page be served and two be refused, one request be followed, and two merchants fail."""
    gateway = opened(stack, policy(anonymous=["shopify/storefront-access-token"]))
    assert [gateway.page(CURRENT, origin=origin).status for origin in (SHOP, None, "https://other.example")] == [
        *(200, 403, 403),
    ]
    event = request(CURRENT, MERCHANT, {"Origin": SHOP})
    event["requestContext"]["requestId"] = REQUEST
    decision = stack.worker(SHOP_AUTHORIZER).invoke(authorizer_request(event))
    assert stack.worker(CURRENT).answer(with_context(event, decision["context"])).status == 200
    for function in (CURRENT, CURRENT, FOURTHWALL):
        assert stack.worker(function).api(path={"merchant": "nobody"}).code == "merchant_not_found"
    stack.later(2 * DAY)
    stack.secret("shopify", MERCHANT, "{}")
    work = {"provider": "shopify", "merchant": MERCHANT, "items": ["reconciliation#shop"]}
    stack.cold(MAINTAIN).invoke(queue_event(json.dumps(work)))


@pytest.fixture(scope="module")
def recorded(simulators: Addresses, aws: Mapping[str, Any]) -> Iterator[list[Row]]:
    """Return what Insights finds in the lines of a play, with lines of Lambda itself and of the API."""
    with (
        new_table(aws["dynamodb"]) as table,
        deployed(simulators, aws["dynamodb"], aws["secretsmanager"], table) as stack,
    ):
        play(stack)
        lines = [(worker.function, line) for worker in stack.workers.values() for line in worker.log]
        lines += [("current", line) for line in (WARM, COLD)] + [("api", access_line())] * 2
        yield [discovered(line, log, number) for number, (log, line) in enumerate(lines)]


def access_line() -> str:
    """Return a line of the API's access log, in the template's format."""
    (stage,) = (each["Properties"] for each in transformed()["Resources"].values() if "AccessLogSetting" in str(each))
    written = stage["AccessLogSetting"]["Fn::If"][1]["Format"]
    known = {"requestTimeEpoch": "1764313200", "responseLatency": "3", "status": "429", "httpMethod": "GET"}
    known |= {"identity.sourceIp": "192.0.2.7", "path": "/storefront/demo/shopify/storefront-access-token"}
    return re.sub(r"\$context\.([\w.]+)", lambda name: known.get(name[1], "-"), written)


def found(name: str, rows: list[Row], sample: str = "") -> list[Row]:
    query = queries()[name]["QueryString"]
    return list(run(query.replace(REPLACED[name], sample) if sample else query, rows))


def test_each_query_runs_as_it_stands_under_the_stacks_name(recorded: list[Row]) -> None:
    shown = {name: len(found(name, recorded)) for name in queries()}

    assert {name for name, rows in shown.items() if rows == 0} == set(REPLACED), "they wait for an id"
    assert all(query["Name"].startswith("token-broker/") for query in queries().values())


def test_failures_are_found_by_merchant(recorded: list[Row]) -> None:
    rows = found("FailuresByMerchant", recorded)

    assert [(row["merchant"], row["provider"], row["code"], row["failures"]) for row in rows] == [
        ("nobody", "shopify", "merchant_not_found", 2),
        ("nobody", "fourthwall", "merchant_not_found", 1),
        (MERCHANT, "shopify", "merchant_misconfigured", 1),
    ]
    assert all(row["request"] for row in rows)
    assert rows[0]["caller"].startswith("arn:aws:")


def test_one_request_is_found_in_the_authorizer_and_in_the_function(recorded: list[Row]) -> None:
    rows = found("OneRequest", recorded, REQUEST)

    assert [(row["message"], row["merchant"]) for row in rows] == [("decided", MERCHANT), ("answered", MERCHANT)]


def test_one_token_is_found_by_its_fingerprint(recorded: list[Row]) -> None:
    (first, *_) = (row for row in recorded if "fingerprint" in row)
    rows = found("OneToken", recorded, str(first["fingerprint"]))

    assert [(row["served"], row["merchant"]) for row in rows] == [("minted", MERCHANT), ("memory", MERCHANT)]


def test_refused_storefronts_are_found_with_the_reason(recorded: list[Row]) -> None:
    rows = found("RefusedStorefronts", recorded)

    assert {(row["merchant"], row["decision"], row["requests"]) for row in rows} == {(MERCHANT, "deny", 1)}
    assert len({row["reason"] for row in rows}) == len(rows) == 2


def test_noisy_callers_are_found_in_the_access_log(recorded: list[Row]) -> None:
    (row,) = found("NoisyCallers", recorded)

    assert (row["requests"], row["sourceIp"], row["status"]) == (2, "192.0.2.7", 429)


def test_cold_starts_are_counted_and_timed(recorded: list[Row]) -> None:
    (row,) = found("ColdStarts", recorded)

    assert (row["calls"], row["cold"], row["mean"], row["longest"]) == (2, 1, 409.5, 409.5)


@pytest.mark.parametrize(
    "query",
    [
        *("", "parse @message '*' as x", "filter code", 'filter code like "x"', "filter code = 7", "sort code,"),
        *("stats sum(ms) as total by code", "stats count(*) by code", "limit code", 'filter code = "x" or ms in ["y"]'),
    ],
)
def test_what_the_interpreter_does_not_know_is_an_error(query: str) -> None:
    with pytest.raises(UnknownSyntaxError):
        run(query, [])


def test_a_difference_from_a_missing_field_is_an_error() -> None:
    with pytest.raises(KeyError):
        run('filter code != "ok"', [discovered("{}", "log", 1)])
