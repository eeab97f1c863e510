"""Convert events to items. An item is stored with the change that it reports, and deleted once the bus accepts it.

    outbox#{provider}#{merchant}    undelivered events of one merchant
        event#{eventId}             one event                                     no TTL

The table's stream usually delivers an event at once. The dispatcher finds the items that are five minutes old.
"""

from collections.abc import Mapping
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.domain.events import MEMBERS, Event

PREFIX = "outbox#"
#: Seconds after which the dispatcher sends an undelivered event to the worker.
REDELIVER_AFTER = 5 * 60

_TYPES = {"type": str, "provider": str, "merchant": str, "occurredAt": int, "eventId": str}


def outbox_put(event: Event) -> tuple[Key, dict[str, Any]]:
    """Return the item's key and its other attributes (plain values)."""
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
    """Return the event of an item (plain values), or None if it is malformed or of a newer version.

    The event has exactly the members of its type. A missing member is null.
    """
    if not all(isinstance(item.get(name), kind) for name, kind in _TYPES.items()):
        return None
    members, detail = MEMBERS.get(item["type"]), item.get("detail")
    if members is None or not isinstance(detail, Mapping):
        return None
    members_found = {name: detail.get(name) for name in members}
    if not all(value is None or isinstance(value, str | int) for value in members_found.values()):
        return None
    return Event(item["type"], item["provider"], item["merchant"], members_found, item["occurredAt"], item["eventId"])


def name_of(provider: str, merchant: str, item: str) -> str:
    """Return an item's key as one text, for messages."""
    return f"{provider}#{merchant}/{item}"


def key_of(name: str) -> Key:
    """Return the key of a name. It is in the outbox for any name."""
    pk, _, sk = name.partition("/")
    return f"{PREFIX}{pk}", sk


def name_of_key(pk: str, sk: str) -> str | None:
    """Return the name of an item with this key, or None if it is not in the outbox."""
    return f"{pk.removeprefix(PREFIX)}/{sk}" if pk.startswith(PREFIX) else None
