"""A line of metrics is what Powertools would write, byte for byte."""

import re
import time

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics

from token_broker.metric_lines import MetricLines

ONE = [("TokensServedFromMemory", 1.0, "Count")]
MANY = [*ONE, ("ProviderCalls", 1, "Count"), ("ProviderLatency", 12.5, "Milliseconds"), ("ProviderCalls", 3, "Count")]
TIME = re.compile(r'"Timestamp":\d{13}')


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "TokenBroker")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "a-stack")


@pytest.mark.parametrize("metrics", [ONE, MANY])
@pytest.mark.parametrize("request_id", ["7f2c1f0e", 'é"\n', ""])
def test_a_line_is_that_of_powertools(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    metrics: list[tuple[str, float, str]],
    request_id: str,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_795_910_400.25)
    ours, powertools = MetricLines(), EphemeralMetrics()
    for name, value, unit in metrics:
        ours.add(name, value, unit)
        powertools.add_metric(name=name, unit=unit, value=value)
    powertools.add_metadata(key="correlation_id", value=request_id)
    powertools.add_dimension("provider", "shopify")
    ours.write("shopify", request_id)
    powertools.flush_metrics()

    first, second = capsys.readouterr().out.splitlines()
    assert '"Timestamp":1795910400250' in first
    assert TIME.sub("", first) == TIME.sub("", second)


def test_a_written_metric_is_not_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    lines = MetricLines()
    lines.add(*ONE[0])
    lines.write("shopify", "1")
    lines.write("shopify", "2")

    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("names", [["Same"], [f"Metric{number}" for number in range(100)]])
def test_a_line_takes_a_hundred_metrics_and_values(names: list[str]) -> None:
    lines = MetricLines()
    for number in range(99):
        lines.add(names[number % len(names)], 1, "Count")
        assert not lines.is_full(names[0])
    lines.add(names[-1], 1, "Count")

    assert lines.is_full(names[0])
