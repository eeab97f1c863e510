"""Read the sparse index of pending work, and keep the position at which the last dispatch stopped."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from token_broker.aws.store.attributes import Key
from token_broker.aws.store.outbox_items import PREFIX
from token_broker.aws.store.records import DUE_SHARDS
from token_broker.aws.store.table import ConditionFailed, Table, delete, put
from token_broker.domain.ownership_tag import new_owner
from token_broker.ports.work import DueItem, DuePage, IndexCursor, IndexKey

INDEX = "due"
#: The most entries in memory at once. They need far less than the megabyte that one query may return.
PAGE = 1000


class DynamoDueIndex:
    """Read the index `due` of the table."""

    shards = DUE_SHARDS

    def __init__(self, table: Table) -> None:
        self._table = table

    def pages(self, shard: int, until: int, after: IndexKey | None = None) -> Iterator[DuePage]:
        """Return pages of the index, which holds only the items' keys and due times."""
        for page in self._table.query_index(INDEX, f"due#{shard}", until, after=after, limit=PAGE):
            yield DuePage([_item(entry) for entry in page], page)


def _item(entry: Mapping[str, Any]) -> DueItem:
    pk, outbox = entry["pk"].removeprefix(PREFIX), entry["pk"].startswith(PREFIX)
    provider, _, rest = pk.partition("#")
    return DueItem(provider, rest.partition("#")[0], entry["sk"], int(entry["dueAt"]), outbox)


CURSOR_KEY: Key = ("dispatch", "cursor")
#: The members of a key of the index `due`.
_INDEX_KEY = {"due": str, "dueAt": int, "pk": str, "sk": str}


class DynamoDispatchCursor:
    """Keep the position in one item. Its attribute `note` is a new version for each write."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> tuple[IndexCursor | None, str | None]:
        """Read the item consistently."""
        item = self._table.get(CURSOR_KEY)
        return (None, None) if item is None else (_cursor(item), str(item.get("note", "")))

    def save(self, cursor: IndexCursor, version: str | None) -> None:
        """Write the position if the stored one is still the version that was read."""
        attributes = {"shard": cursor.shard, "after": cursor.after, "note": new_owner()}
        condition, values, names = "attribute_not_exists(pk)", None, None
        if version is not None:
            condition, values, names = f"{condition} OR #note = :seen", {":seen": version}, {"#note": "note"}
        with suppress(ConditionFailed):
            self._table.write(put(CURSOR_KEY, attributes, condition, values, names))

    def clear(self, version: str) -> None:
        """Delete the position if it is still the version that was read."""
        with suppress(ConditionFailed):
            self._table.write(delete(CURSOR_KEY, "#note = :seen", {":seen": version}, {"#note": "note"}))


def _cursor(item: Mapping[str, Any]) -> IndexCursor | None:
    """Return the position of an item, or None if the item is malformed. The next run then starts anywhere."""
    shard, after = item.get("shard"), item.get("after")
    if not isinstance(shard, int):
        return None
    if after is None:
        return IndexCursor(shard)
    usable = isinstance(after, Mapping) and set(after) == set(_INDEX_KEY) and after["due"] == f"due#{shard}"
    if not usable or not all(isinstance(after[name], kind) for name, kind in _INDEX_KEY.items()):
        return None
    return IndexCursor(shard, after, after["dueAt"])
