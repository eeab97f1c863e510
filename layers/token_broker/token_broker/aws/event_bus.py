"""Publish events to the stack's EventBridge bus."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.domain.events import Event
from token_broker.errors import StorageUnavailable

SOURCE = "token-broker"
#: The most entries and bytes in one PutEvents.
ENTRIES, BYTES = 10, 256 * 1024
#: The bytes that EventBridge counts for an entry's time.
_TIME = 14
#: The code of a call that is rejected as a whole because of one entry.
_INVALID = "ValidationException"
#: The code for an event that the bus rejected without a code.
_UNKNOWN = "Unknown"


class EventBridgeBus:
    """Send events with PutEvents."""

    def __init__(self, make_client: Callable[[], Any], name: str) -> None:
        self._make_client = make_client
        self._name = name

    def room(self, events: Sequence[Event]) -> int:
        """Return how many of the events fit into one PutEvents.

        An event that is too large is sent alone, so that it blocks no other event.
        """
        size = 0
        for number, event in enumerate(events[:ENTRIES]):
            size += _TIME + len(SOURCE) + len(event.type.encode()) + len(_detail(event).encode())
            if number and size > BYTES:
                return number
        return min(len(events), ENTRIES)

    def put(self, events: Sequence[Event]) -> list[str | None]:
        """Send the events with PutEvents, which can fail for single entries.

        If one entry causes EventBridge to reject the whole call, each half is sent again.
        """
        entries = [
            {
                "Time": event.occurred_at,
                "Source": SOURCE,
                "DetailType": event.type,
                "Detail": _detail(event),
                "EventBusName": self._name,
            }
            for event in events
        ]
        try:
            response = self._make_client().put_events(Entries=entries)
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
            if code != _INVALID:
                detail = "The event bus did not respond. The events that it did not accept are sent again."
                raise StorageUnavailable(detail, causes=(f"EventBridge: {code}",)) from None
            if len(events) == 1:
                return [code]
            half = len(events) // 2
            return self.put(events[:half]) + self.put(events[half:])
        outcomes = [None if each.get("EventId") else each.get("ErrorCode") or _UNKNOWN for each in response["Entries"]]
        return outcomes if len(outcomes) == len(events) else [_UNKNOWN] * len(events)


def _detail(event: Event) -> str:
    return json.dumps(event.as_json(), ensure_ascii=False, separators=(",", ":"))
