"""Log lines and metrics as they are written: JSON lines on standard output."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.events import Context
from token_broker.telemetry import PowertoolsTelemetry

type Make = Callable[[], PowertoolsTelemetry]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the one line of embedded metrics."""
    (line,) = [line for line in lines(capsys) if "_aws" in line]
    return line


def test_every_line_carries_the_requests_id(make_telemetry: Make, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry()
    telemetry.begin("request-1", Context())
    telemetry.notice("something_happened", intent="i-1")

    (line,) = lines(capsys)
    assert (line["level"], line["message"], line["intent"]) == ("WARNING", "something_happened", "i-1")
    assert line["correlation_id"] == "request-1"
    assert line["function_request_id"] == "lambda-request-1"
    assert line["function_name"] == "ShopifyFunction"
    assert line["provider"] == "shopify"


def test_only_the_first_call_of_a_process_is_a_cold_start(
    make_telemetry: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = make_telemetry()
    for number in range(2):
        telemetry.begin(f"request-{number}", Context())
        telemetry.notice("called")
        telemetry.end()

    written = lines(capsys)
    assert [line["cold_start"] for line in written if line.get("message") == "called"] == [True, False]
    assert [line["ColdStart"] for line in written if "ColdStart" in line] == [[1.0]]


def test_a_later_calls_id_takes_the_place_of_the_earlier_one(
    make_telemetry: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = make_telemetry()
    telemetry.begin("request-1", Context())
    telemetry.end()
    telemetry.begin("request-2", None)
    telemetry.notice("called")

    line = lines(capsys)[-1]
    assert line["correlation_id"] == "request-2"
    assert line.get("function_request_id") is None


def test_numbers_are_written_at_the_end_of_the_call(make_telemetry: Make, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry()
    telemetry.begin("request-1", Context())
    telemetry.count("TokensIssued")
    telemetry.count("TokenLimitHeadroom", 42)
    assert lines(capsys) == []

    telemetry.end()

    written = metrics(capsys)
    assert (written["TokensIssued"], written["TokenLimitHeadroom"]) == ([1.0], [42.0])


def test_the_numbers_of_a_call_can_be_found_by_its_id(make_telemetry: Make, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry()
    found = []
    for number in range(2):
        telemetry.begin(f"request-{number}", Context())
        telemetry.count("TokensIssued")
        telemetry.end()
        found.append(metrics(capsys))

    assert [line["correlation_id"] for line in found] == ["request-0", "request-1"]
    assert ["correlation_id" in str(line["_aws"]) for line in found] == [False, False]


def test_the_provider_and_the_service_are_the_only_dimensions(
    make_telemetry: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = make_telemetry()
    telemetry.count("TokensIssued")
    telemetry.end()

    (group,) = metrics(capsys)["_aws"]["CloudWatchMetrics"]
    assert group["Namespace"] == "TokenBroker"
    assert sorted(group["Dimensions"][0]) == ["provider", "service"]


def test_no_number_is_left_for_the_next_call(make_telemetry: Make, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry()
    telemetry.begin("request-1", Context())
    telemetry.count("TokensIssued")
    telemetry.end()
    capsys.readouterr()

    telemetry.begin("request-2", Context())
    telemetry.end()

    assert lines(capsys) == []


def test_the_dimensions_stay_for_the_next_call(make_telemetry: Make, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry()
    telemetry.count("TokensIssued")
    telemetry.end()
    capsys.readouterr()

    telemetry.count("TokensRevoked")
    telemetry.end()

    assert metrics(capsys)["provider"] == "shopify"


def test_a_call_can_be_about_another_provider_and_the_next_one_is_not(
    make_telemetry: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = make_telemetry()
    for provider in ("fourthwall", None):
        telemetry.begin("request-1", Context())
        if provider:
            telemetry.about(provider)
        telemetry.notice("called")
        telemetry.count("DueItemsDone")
        telemetry.end()

    written = lines(capsys)
    assert [line["provider"] for line in written if "_aws" not in line] == ["fourthwall", "shopify"]
    assert [line["provider"] for line in written if "_aws" in line] == ["fourthwall", "shopify"]


def test_a_good_try_is_counted_and_timed(make_telemetry: Make, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry()
    telemetry.observe("PUT", 200, 0.12345)
    telemetry.end()

    written = metrics(capsys)
    assert (written["ProviderCalls"], written["ProviderLatency"]) == ([1.0], [123.5])
    units = {each["Name"]: each["Unit"] for each in written["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {"ProviderCalls": "Count", "ProviderLatency": "Milliseconds"}


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [(401, "4xx"), (429, "4xx"), (503, "5xx"), ("unreachable", "unreachable"), ("too_large", "too_large")],
)
def test_a_failed_try_is_counted_by_its_kind_and_logged(
    make_telemetry: Make, capsys: pytest.CaptureFixture[str], outcome: int | str, kind: str
) -> None:
    telemetry = make_telemetry()
    telemetry.observe("POST", outcome, 1)
    telemetry.end()

    logged, written = lines(capsys)
    assert (logged["message"], logged["method"], logged["outcome"]) == ("provider_call_failed", "POST", outcome)
    assert written[f"ProviderErrors.{kind}"] == [1.0]


@pytest.mark.parametrize("status", [200, 201, 204, 302, 399])
def test_an_answer_below_400_is_no_error(make_telemetry: Make, capsys: pytest.CaptureFixture[str], status: int) -> None:
    telemetry = make_telemetry()
    telemetry.observe("GET", status, 1)
    telemetry.end()

    assert not [name for name in metrics(capsys) if name.startswith("ProviderErrors")]
