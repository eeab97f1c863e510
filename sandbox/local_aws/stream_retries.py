"""Retry the records of a table stream as AWS does.

The emulator ignores which records a function reports as failed, and repeats a failed batch until it succeeds. AWS
repeats from the first failed record on, as often as the event source's MaximumRetryAttempts allows, and then continues
with the next batch.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any


def with_record_retries(
    execute: Callable[..., dict[str, Any]], mappings: Callable[[], Iterable[tuple[str, str, dict[str, Any]]]]
) -> Callable[..., dict[str, Any]]:
    """Wrap the emulator's execution of a function so that stream records are retried as on AWS.

    `mappings` returns every event source mapping, with its account and Region.
    """

    @functools.wraps(execute)
    def executed(function: dict[str, Any], event: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        source = _stream_of(event), function["config"]["FunctionName"]
        mapping = next(
            (each for _, _, each in mappings() if (each["EventSourceArn"], each["FunctionName"]) == source), None
        )
        if mapping is None:
            return execute(function, event, *arguments, **options)
        remaining: list[Any] = event["Records"]
        result: dict[str, Any] = {}
        # Without a setting, AWS retries until the records are a day old. Here there is no retry then.
        for _ in range(1 + int(mapping.get("MaximumRetryAttempts", 0))):
            result = execute(function, {"Records": remaining}, *arguments, **options)
            remaining = _unprocessed_records(result, remaining)
            if not remaining:
                break
        return {name: value for name, value in result.items() if name != "error"}

    return executed


def _stream_of(event: Any) -> str | None:
    """Return the stream of a batch, or None for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    if not isinstance(first, dict) or first.get("eventSource") != "aws:dynamodb":
        return None
    return str(first.get("eventSourceARN"))


def _unprocessed_records(result: dict[str, Any], records: list[Any]) -> list[Any]:
    """Return the records to retry.

    These are all records if the function failed, otherwise those from the first failed record on.
    """
    if result.get("error"):
        return records
    body = result.get("body")
    failures = body.get("batchItemFailures") or [] if isinstance(body, dict) else []
    failed = {each.get("itemIdentifier") for each in failures}
    first = next((i for i, each in enumerate(records) if each["dynamodb"]["SequenceNumber"] in failed), len(records))
    return records[first:]
