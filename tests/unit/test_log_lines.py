"""A log line is what Powertools would write, byte for byte."""

import logging
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from token_broker.log_lines import LineFormatter

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
APPENDED = {"service": "stack", "version": "1", "correlation_id": "é%(message)s", "cold_start": False, "provider": None}


def record(message: str, **fields: Any) -> logging.LogRecord:
    return logging.getLogger("token-broker").makeRecord(
        "token-broker", logging.WARNING, "/var/task/app.py", 7, message, (), None, func="handler", extra=fields
    )


@pytest.mark.parametrize("trace", [TRACE, "Root=1-2-3", "", None])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"merchant": "demo", "status": 200, "ms": 0.25, "served": None},
        {
            "causes": ("DynamoDB: ThrottlingException",),
            "frames": ["a:1"],
            "deep": {"kept": None, "text": '"\n\u2028 é'},
        },
        {"correlation_id": "of this line", "kind": KeyError, "item": object},
    ],
)
def test_a_line_is_that_of_powertools(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], trace: str | None
) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    if trace is not None:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    ours, powertools = LineFormatter(utc=True), LambdaPowertoolsFormatter(utc=True)
    for formatter in (ours, powertools):
        formatter.append_keys(**APPENDED)
    written = record("answered", **fields)

    assert ours.format(written) == powertools.format(written)


def test_the_time_is_that_of_the_record() -> None:
    written = record("answered")
    written.created, written.msecs = 1_795_917_377.05, 50.0

    assert '"timestamp":"2026-11-29 01:56:17,050+0000"' in LineFormatter(utc=True).format(written)
