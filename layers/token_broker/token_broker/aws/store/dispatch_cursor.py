"""Where the clock's last run was cut off, in one item of the table: `dispatch` / `cursor`."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from token_broker.aws.store.attributes import Key
from token_broker.aws.store.table import ConditionFailed, Table, delete, put
from token_broker.domain.ownership_tag import new_owner
from token_broker.ports.work import IndexCursor

CURSOR_KEY: Key = ("dispatch", "cursor")
#: What a key of the due-index is made of.
_INDEX_KEY = {"due": str, "dueAt": int, "pk": str, "sk": str}


class DynamoDispatchCursor:
    """The `DispatchCursor` port. `note` tells one note from the next."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> tuple[IndexCursor | None, str | None]:
        """Read consistently."""
        item = self._table.get(CURSOR_KEY)
        return (None, None) if item is None else (_cursor(item), str(item.get("note", "")))

    def save(self, cursor: IndexCursor, version: str | None) -> None:
        """An older note is overwritten only if it is the one that was seen."""
        attributes = {"shard": cursor.shard, "after": cursor.after, "note": new_owner()}
        condition, values, names = "attribute_not_exists(pk)", None, None
        if version is not None:
            condition, values, names = f"{condition} OR #note = :seen", {":seen": version}, {"#note": "note"}
        with suppress(ConditionFailed):
            self._table.put(put(CURSOR_KEY, attributes, condition, values, names))

    def clear(self, version: str) -> None:
        """Only the one that was seen."""
        with suppress(ConditionFailed):
            self._table.delete(delete(CURSOR_KEY, "#note = :seen", {":seen": version}, {"#note": "note"}))


def _cursor(item: Mapping[str, Any]) -> IndexCursor | None:
    """None where the item makes no sense: a run then begins anywhere, and makes another note."""
    shard, after = item.get("shard"), item.get("after")
    if not isinstance(shard, int):
        return None
    if after is None:
        return IndexCursor(shard)
    usable = isinstance(after, Mapping) and set(after) == set(_INDEX_KEY) and after["due"] == f"due#{shard}"
    if not usable or not all(isinstance(after[name], kind) for name, kind in _INDEX_KEY.items()):
        return None
    return IndexCursor(shard, after, after["dueAt"])
