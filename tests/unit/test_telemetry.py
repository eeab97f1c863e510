"""Log lines and metrics as they are written: JSON lines on standard output."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pytest

from tests.fakes.events import Context
from token_broker import __version__
from token_broker.telemetry import PowertoolsTelemetry


class Written:
    """Telemetry of a process, and the lines that it has written since they were last read."""

    def __init__(self, make: Callable[[], PowertoolsTelemetry], capsys: pytest.CaptureFixture[str]) -> None:
        self._make, self._capsys = make, capsys

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Make it in the test itself, where its output is captured."""
        return self._make()

    def call(self, number: int = 1, about: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Log and count in one call, and return both lines."""
        self.telemetry.begin(f"request-{number}", Context() if number == 1 else None)
        if about is not None:
            self.telemetry.about(about)
        self.telemetry.notice("called", intent="i-1")
        self.telemetry.count("TokensIssued")
        self.telemetry.end()
        logged, counted = self.lines()
        return logged, counted

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def written(make_telemetry: Callable[[], PowertoolsTelemetry], capsys: pytest.CaptureFixture[str]) -> Written:
    return Written(make_telemetry, capsys)


def test_every_line_carries_the_requests_id_and_the_numbers_can_be_found_by_it(written: Written) -> None:
    line, numbers = written.call()

    assert (line["level"], line["message"], line["intent"]) == ("WARNING", "called", "i-1")
    assert (line["function_request_id"], line["function_name"]) == ("lambda-request-1", "ShopifyFunction")
    assert {line["correlation_id"], numbers["correlation_id"]} == {"request-1"}
    assert line["version"] == __version__
    assert "correlation_id" not in str(numbers["_aws"])

    line, numbers = written.call(2)

    assert {line["correlation_id"], numbers["correlation_id"]} == {"request-2"}
    assert line.get("function_request_id") is None


def test_only_the_first_call_of_a_process_is_a_cold_start(written: Written) -> None:
    calls = [written.call(number) for number in (1, 2)]

    assert [line["cold_start"] for line, _ in calls] == [True, False]
    assert [numbers.get("ColdStart") for _, numbers in calls] == [[1.0], None]


def test_numbers_are_written_at_the_end_of_the_call_and_none_is_left_for_the_next(written: Written) -> None:
    written.telemetry.begin("request-1", Context())
    written.telemetry.count("TokensIssued")
    written.telemetry.count("TokenLimitHeadroom", 42)
    assert written.lines() == []

    written.telemetry.end()
    (numbers,) = written.lines()
    assert (numbers["TokensIssued"], numbers["TokenLimitHeadroom"]) == ([1.0], [42.0])

    written.telemetry.begin("request-2", Context())
    written.telemetry.end()
    assert written.lines() == []


def test_the_provider_and_the_service_are_the_only_dimensions_of_each_call(written: Written) -> None:
    for number in (1, 2):
        _, numbers = written.call(number)
        (group,) = numbers["_aws"]["CloudWatchMetrics"]
        assert group["Namespace"] == "TokenBroker"
        assert sorted(group["Dimensions"][0]) == ["provider", "service"]


def test_a_call_can_be_about_another_provider_and_the_next_one_is_not(written: Written) -> None:
    for about in ("fourthwall", None):
        line, numbers = written.call(about=about)
        assert {line["provider"], numbers["provider"]} == {about or "shopify"}


@pytest.mark.parametrize("status", [200, 201, 204, 302, 399])
def test_a_good_try_is_counted_and_timed(written: Written, status: int) -> None:
    written.telemetry.observe("PUT", status, 0.12345)
    written.telemetry.end()

    (numbers,) = written.lines()
    units = {each["Name"]: each["Unit"] for each in numbers["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {"ProviderCalls": "Count", "ProviderLatency": "Milliseconds"}
    assert (numbers["ProviderCalls"], numbers["ProviderLatency"]) == ([1.0], [123.5])


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [(401, "4xx"), (429, "4xx"), (503, "5xx"), ("unreachable", "unreachable"), ("too_large", "too_large")],
)
def test_a_failed_try_is_counted_by_its_kind_and_logged(written: Written, outcome: int | str, kind: str) -> None:
    written.telemetry.observe("POST", outcome, 1)
    written.telemetry.end()

    logged, numbers = written.lines()
    assert (logged["message"], logged["method"], logged["outcome"]) == ("provider_call_failed", "POST", outcome)
    assert numbers[f"ProviderErrors.{kind}"] == [1.0]
