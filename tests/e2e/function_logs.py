"""Reading what functions have written, all of it: the local AWS gives 10,000 events at the most, and no next page."""

from collections.abc import Iterator
from typing import Any

LIMIT = 10_000


def messages(logs: Any, group: str) -> Iterator[str]:
    """Every message of a log group, the oldest first."""
    since, seen = 0, set[tuple[object, ...]]()
    while True:
        events = logs.filter_log_events(logGroupName=group, startTime=since, limit=LIMIT)["events"]
        for event in events:
            if _identity(event) not in seen:
                yield event["message"]
        if len(events) < LIMIT:
            return
        assert events[-1]["timestamp"] > since, "more events in one millisecond than can be read"
        since, seen = events[-1]["timestamp"], set(map(_identity, events))


def _identity(event: dict[str, Any]) -> tuple[object, ...]:
    return event["logStreamName"], event["timestamp"], event["message"]
