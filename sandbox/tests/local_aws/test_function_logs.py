"""All log events are read although the emulator returns a part, and fails now and then."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import function_logs
from sandbox.local_aws.function_logs import TRIES, events, groups


class Logs:
    """CloudWatch Logs as the emulator has it. It fails some times, then describes one group."""

    def __init__(self, *timestamps: int, failures: int = 0, code: str = "InternalError") -> None:
        self.events: list[dict[str, Any]] = [
            {"logStreamName": "s", "timestamp": at, "message": str(i)} for i, at in enumerate(timestamps)
        ]
        self.failures = failures
        self.code = code

    def filter_log_events(self, *, logGroupName: str, startTime: int, limit: int) -> dict[str, Any]:  # noqa: N803
        return {"events": [each for each in self.events if each["timestamp"] >= startTime][:limit]}

    def get_paginator(self, _name: str) -> "Logs":
        return self

    def paginate(self, **_options: str) -> list[dict[str, Any]]:
        self.failures -= 1
        if self.failures >= 0:
            raise ClientError({"Error": {"Code": self.code}}, "DescribeLogGroups")
        return [{"logGroups": [{"logGroupName": "g"}]}]


@pytest.mark.parametrize("timestamps", [(), (1, 2), (1, 1, 2, 2, 2, 3), (1, 2, 3, 4, 5, 6, 7)])
def test_every_event_is_read_once_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch, timestamps: tuple[int, ...]
) -> None:
    monkeypatch.setattr(function_logs, "LIMIT", 4)
    logs = Logs(*timestamps)

    assert list(events(logs, "g")) == logs.events


def test_a_millisecond_with_too_many_events_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_logs, "LIMIT", 2)

    with pytest.raises(RuntimeError, match="more events than one call returns"):
        list(events(Logs(1, 1, 1), "g"))


def test_a_listing_is_tried_again_after_an_internal_error_alone() -> None:
    assert groups(Logs(failures=TRIES - 1)) == [{"logGroupName": "g"}]
    for logs in (Logs(failures=TRIES), Logs(failures=1, code="AccessDenied")):
        with pytest.raises(ClientError):
            groups(logs)
