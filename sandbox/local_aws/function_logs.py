"""Read all log events of the deployed functions, in spite of two emulator quirks."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

PREFIX = "/aws/lambda/"
#: The local AWS returns at most this many events, the oldest, and no next page.
LIMIT = 10_000
#: A listing fails if a function writes its first line at the same moment.
TRIES = 5


def groups(logs: Any, prefix: str = PREFIX) -> list[dict[str, Any]]:
    """Return the log groups whose names begin with the prefix, as CloudWatch Logs describes them.

    An empty prefix selects all groups. Raises `ClientError`.
    """
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
    """Yield every event of a log group, the oldest first.

    Raises `ClientError`.
    """
    since, seen = 0, set[tuple[object, ...]]()
    while True:
        found = logs.filter_log_events(logGroupName=group, startTime=since, limit=LIMIT)["events"]
        for event in found:
            if _identity(event) not in seen:
                yield event
        if len(found) < LIMIT:
            return
        if found[-1]["timestamp"] == since:
            raise RuntimeError(f"{group}: one millisecond has more events than one call returns.")
        since, seen = found[-1]["timestamp"], set(map(_identity, found))


def messages(logs: Any, group: str) -> Iterator[str]:
    """Yield the messages of a log group's events.

    Raises `ClientError`.
    """
    return (event["message"] for event in events(logs, group))


def _identity(event: dict[str, Any]) -> tuple[object, ...]:
    return event["logStreamName"], event["timestamp"], event["message"]
