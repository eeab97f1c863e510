"""The functions' AWS calls are read from the emulator's CloudTrail, without the calls of the event publisher.

The publisher runs at times of its own, so its trigger is disabled meanwhile. Its credentials identify its calls.
"""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.local_stack import Stack

type CallsSince = Callable[[], list[str]]


@contextmanager
def recorded(stack: Stack, cloudtrail: Any) -> Iterator[CallsSince]:
    """Yield a function that returns the names of the calls since its last call."""
    known: set[str] = set()
    publishers: set[str] = set()

    def since() -> list[str]:
        events = cloudtrail.lookup_events(MaxResults=50)["Events"]
        publishers.update(event["AccessKeyId"] for event in events if event["EventName"] == "PutEvents")
        new = [event for event in reversed(events) if event["EventId"] not in known]
        known.update(event["EventId"] for event in new)
        return [event["EventName"] for event in new if event["AccessKeyId"] not in publishers]

    with no_events_published(stack):
        _record(stack, on=True)
        try:
            since()
            yield since
        finally:
            _record(stack, on=False)


@contextmanager
def no_events_published(stack: Stack) -> Iterator[None]:
    """Disable the stream's trigger until the block ends, so that the outbox keeps its events."""
    functions = stack.client("lambda")
    name = stack.described["functions"]["lifecycle/publish_events"]
    all_of_it = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    mappings = [each for each in all_of_it if ":dynamodb:" in each["EventSourceArn"]]
    assert mappings, "nothing starts the publisher"
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def _record(stack: Stack, *, on: bool) -> None:
    address = f"{stack.described['endpointUrl']}/_ministack/config"
    body = json.dumps({"cloudtrail._recording_enabled": on}).encode()
    with urllib.request.urlopen(urllib.request.Request(address, body, method="POST"), timeout=10) as answer:  # noqa: S310
        assert json.loads(answer.read())["applied"] == {"cloudtrail._recording_enabled": on}
