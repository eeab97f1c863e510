"""An event as an item of the table: written in the transaction that makes it true, deleted once the bus has taken it.

    outbox#{provider}#{merchant}    a merchant's undelivered events
        event#{eventId}             one event                                     no TTL: never dropped

It is due five minutes after it was written: the stream should have had it delivered by then.
"""

from collections.abc import Mapping
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.domain.events import MEMBERS, Event

PREFIX = "outbox#"
#: Seconds from which the clock looks after an event that is still there.
REDELIVER_AFTER = 5 * 60

_TYPES = {"type": str, "provider": str, "merchant": str, "occurredAt": int, "eventId": str}


def outbox_put(event: Event) -> tuple[Key, dict[str, Any]]:
    """The item's key and its other attributes (plain values)."""
    key = f"{PREFIX}{event.provider}#{event.merchant}", f"event#{event.event_id}"
    return key, {
        "eventId": event.event_id,
        "type": event.type,
        "provider": event.provider,
        "merchant": event.merchant,
        "detail": dict(event.detail),
        "occurredAt": event.occurred_at,
        "due": records.due_shard(key[0]),
        "dueAt": event.occurred_at + REDELIVER_AFTER,
    }


def event_of(item: Mapping[str, Any]) -> Event | None:
    """The event in an item (plain values): the members of its type and no others, null where the item has none.

    None where nobody can make sense of it: it is none of ours, or of a newer version.
    """
    if not all(isinstance(item.get(name), kind) for name, kind in _TYPES.items()):
        return None
    members, detail = MEMBERS.get(item["type"]), item.get("detail")
    if members is None or not isinstance(detail, Mapping):
        return None
    told = {name: detail.get(name) for name in members}
    if not all(value is None or isinstance(value, str | int) for value in told.values()):
        return None
    return Event(item["type"], item["provider"], item["merchant"], told, item["occurredAt"], item["eventId"])


def name_of(provider: str, merchant: str, item: str) -> str:
    """An item's key as one text, for messages."""
    return f"{provider}#{merchant}/{item}"


def key_of(name: str) -> Key:
    """The key that a name stands for: one of the outbox, whatever the name is."""
    pk, _, sk = name.partition("/")
    return f"{PREFIX}{pk}", sk
