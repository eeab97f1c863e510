"""Read the sparse index of pending work."""

from collections.abc import Iterator, Mapping
from typing import Any

from token_broker.aws.store.outbox_items import PREFIX
from token_broker.aws.store.records import DUE_SHARDS
from token_broker.aws.store.table import Table
from token_broker.ports.work import DueItem

INDEX = "due"
#: The most entries in memory at once. They need far less than the megabyte that one query may return.
PAGE = 1000


class DynamoDueIndex:
    """Read the index `due` of the table."""

    shards = DUE_SHARDS

    def __init__(self, table: Table) -> None:
        self._table = table

    def pages(self, shard: int, until: int) -> Iterator[list[DueItem]]:
        """Return pages of the index, which holds only the items' keys and due times."""
        for page in self._table.query_index(INDEX, f"due#{shard}", until, limit=PAGE):
            yield [_item(entry) for entry in page]


def _item(entry: Mapping[str, Any]) -> DueItem:
    pk, outbox = entry["pk"].removeprefix(PREFIX), entry["pk"].startswith(PREFIX)
    provider, _, rest = pk.partition("#")
    return DueItem(provider, rest.partition("#")[0], entry["sk"], int(entry["dueAt"]), outbox)
