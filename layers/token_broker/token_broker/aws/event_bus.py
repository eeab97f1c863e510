"""The stack's event bus."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.domain.events import Event
from token_broker.errors import StorageUnavailable

SOURCE = "token-broker"
#: What one PutEvents takes: entries, and bytes of all of them together.
ENTRIES, BYTES = 10, 256 * 1024
#: Bytes that EventBridge counts for an entry's time.
_TIME = 14
#: The refusal of a whole call for what is in one of its entries.
_INVALID = "ValidationException"
#: Where a bus says that it did not take an event, and not why.
_UNKNOWN = "Unknown"


class EventBridgeBus:
    """The `EventBus` port."""

    def __init__(self, make_client: Callable[[], Any], name: str) -> None:
        self._make_client = make_client
        self._name = name

    def room(self, events: Sequence[Event]) -> int:
        """As many as EventBridge takes at once. One that is too large goes alone: it holds up no other."""
        octets = 0
        for number, event in enumerate(events[:ENTRIES]):
            octets += _TIME + len(SOURCE) + len(event.type.encode()) + len(_detail(event).encode())
            if number and octets > BYTES:
                return number
        return min(len(events), ENTRIES)

    def put(self, events: Sequence[Event]) -> list[str | None]:
        """One PutEvents, which can fail for some of its entries alone; more where one entry has it all refused."""
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
                failure = StorageUnavailable("The event bus did not answer. What it did not take is sent again.")
                failure.add_note(f"EventBridge: {code}")
                raise failure from None
            if len(events) == 1:
                return [code]
            half = len(events) // 2
            return self.put(events[:half]) + self.put(events[half:])
        outcomes = [None if each.get("EventId") else each.get("ErrorCode") or _UNKNOWN for each in response["Entries"]]
        return outcomes if len(outcomes) == len(events) else [_UNKNOWN] * len(events)


def _detail(event: Event) -> str:
    return json.dumps(event.as_json(), ensure_ascii=False, separators=(",", ":"))
