"""Reading what the deployed functions have written, all of it, around two habits of the local AWS."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

PREFIX = "/aws/lambda/"
#: The local AWS gives so many events at the most, the oldest, and no next page.
LIMIT = 10_000
#: It fails where a function writes its first line while the groups are listed: a window of milliseconds.
TRIES = 5


def groups(logs: Any, prefix: str = PREFIX) -> list[dict[str, Any]]:
    """Log groups as CloudWatch Logs describes them: the functions', or with an empty prefix all. Raises ClientError."""
    wanted = {"logGroupNamePrefix": prefix} if prefix else {}
    for tries in range(1, TRIES + 1):
        try:
            pages: Any = logs.get_paginator("describe_log_groups").paginate(**wanted)
            return [group for page in pages for group in page["logGroups"]]
        except ClientError as error:
            if tries == TRIES or error.response["Error"]["Code"] != "InternalError":
                raise
    raise AssertionError("the last try returns or raises")


def events(logs: Any, group: str) -> Iterator[dict[str, Any]]:
    """Every event of a log group, the oldest first. Raises ClientError."""
    since, seen = 0, set[tuple[object, ...]]()
    while True:
        found = logs.filter_log_events(logGroupName=group, startTime=since, limit=LIMIT)["events"]
        for event in found:
            if _identity(event) not in seen:
                yield event
        if len(found) < LIMIT:
            return
        if found[-1]["timestamp"] == since:
            raise RuntimeError(f"{group}: more events in one millisecond than can be read")
        since, seen = found[-1]["timestamp"], set(map(_identity, found))


def messages(logs: Any, group: str) -> Iterator[str]:
    """What a log group's events say. Raises ClientError."""
    return (event["message"] for event in events(logs, group))


def _identity(event: dict[str, Any]) -> tuple[object, ...]:
    return event["logStreamName"], event["timestamp"], event["message"]
