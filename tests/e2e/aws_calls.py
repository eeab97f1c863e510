"""Which AWS calls the functions make, as the emulator's CloudTrail has recorded them."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.signed_api import Stack

type CallsSince = Callable[[], list[str]]


@contextmanager
def recorded(stack: Stack, cloudtrail: Any) -> Iterator[CallsSince]:
    """A function that gives the names of the calls since it was asked last."""
    _record(stack, on=True)
    known: set[str] = set()

    def since() -> list[str]:
        events = cloudtrail.lookup_events(MaxResults=50)["Events"]
        new = [event for event in reversed(events) if event["EventId"] not in known]
        known.update(event["EventId"] for event in new)
        return [event["EventName"] for event in new]

    try:
        since()
        yield since
    finally:
        _record(stack, on=False)


def _record(stack: Stack, *, on: bool) -> None:
    address = f"{stack.described['endpointUrl']}/_ministack/config"
    body = json.dumps({"cloudtrail._recording_enabled": on}).encode()
    with urllib.request.urlopen(urllib.request.Request(address, body, method="POST"), timeout=10) as answer:  # noqa: S310
        assert json.loads(answer.read())["applied"] == {"cloudtrail._recording_enabled": on}
