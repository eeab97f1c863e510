"""An event as an item of the table: written in the transaction that makes it true, deleted once the bus has taken it.

    outbox#{provider}#{merchant}    a merchant's undelivered events
        event#{eventId}             one event                                     no TTL: never dropped

It is due five minutes after it was written: the stream should have had it delivered by then.
"""

from collections.abc import Mapping
from typing import Any

from token_broker.aws import records
from token_broker.aws.attributes import Key
from token_broker.events import MEMBERS, Event

PREFIX = "outbox#"
EVENT = "event#"
#: Seconds from which the clock looks after an event that is still there.
SWEPT_AFTER = 5 * 60


def outbox_put(event: Event) -> tuple[Key, dict[str, Any]]:
    """The item's key and its other attributes (plain values)."""
    key = f"{PREFIX}{event.provider}#{event.merchant}", f"{EVENT}{event.event_id}"
    return key, {
        "eventId": event.event_id,
        "type": event.type,
        "provider": event.provider,
        "merchant": event.merchant,
        "detail": dict(event.detail),
        "occurredAt": event.occurred_at,
        "due": records.due_shard(key[0]),
        "dueAt": event.occurred_at + SWEPT_AFTER,
    }


def event_of(item: Mapping[str, Any]) -> Event:
    """The event in an item (plain values): the members of its type and no others, null where the item has none.

    Raises `LookupError` or `TypeError` where the item is none of ours, or of a newer version.
    """
    detail = {name: item["detail"].get(name) for name in MEMBERS[item["type"]]}
    return Event(item["type"], item["provider"], item["merchant"], detail, item["occurredAt"], item["eventId"])
