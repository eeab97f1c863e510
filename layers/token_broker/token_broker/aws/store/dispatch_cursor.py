"""Where the clock's last run was cut off, in one item of the table: `dispatch` / `cursor`."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from token_broker.aws.store.attributes import Key
from token_broker.aws.store.table import ConditionFailed, Table, delete, put
from token_broker.domain.ownership_tag import new_owner
from token_broker.ports.work import Place

CURSOR_KEY: Key = ("dispatch", "cursor")
#: What a key of the due-index is made of.
_INDEX_KEY = {"due": str, "dueAt": int, "pk": str, "sk": str}


class DynamoDispatchCursor:
    """The `DispatchCursor` port. `note` tells one note from the next."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> tuple[Place | None, str | None]:
        """Read consistently."""
        item = self._table.get(CURSOR_KEY)
        return (None, None) if item is None else (_place(item), str(item.get("note", "")))

    def note(self, place: Place, seen: str | None) -> None:
        """An older note is overwritten only if it is the one that was seen."""
        attributes = {"shard": place.shard, "after": place.after, "note": new_owner()}
        condition, values, names = "attribute_not_exists(pk)", None, None
        if seen is not None:
            condition, values, names = f"{condition} OR #note = :seen", {":seen": seen}, {"#note": "note"}
        with suppress(ConditionFailed):
            self._table.put(put(CURSOR_KEY, attributes, condition, values, names))

    def forget(self, seen: str) -> None:
        """Only the one that was seen."""
        with suppress(ConditionFailed):
            self._table.delete(delete(CURSOR_KEY, "#note = :seen", {":seen": seen}, {"#note": "note"}))


def _place(item: Mapping[str, Any]) -> Place | None:
    """None where the item makes no sense: a run then begins anywhere, and makes another note."""
    shard, after = item.get("shard"), item.get("after")
    if not isinstance(shard, int):
        return None
    if after is None:
        return Place(shard)
    usable = isinstance(after, Mapping) and set(after) == set(_INDEX_KEY) and after["due"] == f"due#{shard}"
    if not usable or not all(isinstance(after[name], kind) for name, kind in _INDEX_KEY.items()):
        return None
    return Place(shard, after, after["dueAt"])
