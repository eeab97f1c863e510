"""The sparse index of what is due, and the queues that the work goes to."""

from collections.abc import Iterator, Mapping
from typing import Any

from token_broker.aws.store.outbox_items import PREFIX
from token_broker.aws.store.records import DUE_SHARDS
from token_broker.aws.store.table import Table
from token_broker.ports.work import DueItem, DuePage, IndexKey

INDEX = "due"
#: Entries that are held in memory at once; far below the megabyte that one query may answer with.
PAGE = 1000


class DynamoDueIndex:
    """The `DueIndex` port."""

    shards = DUE_SHARDS

    def __init__(self, table: Table) -> None:
        self._table = table

    def pages(self, shard: int, until: int, after: IndexKey | None = None) -> Iterator[DuePage]:
        """The index says where the items are and since when they are due; nothing else is in it."""
        for page in self._table.query_index(INDEX, f"due#{shard}", until, after=after, limit=PAGE):
            yield DuePage([_item(entry) for entry in page], page)


def _item(entry: Mapping[str, Any]) -> DueItem:
    pk, outbox = entry["pk"].removeprefix(PREFIX), entry["pk"].startswith(PREFIX)
    provider, _, rest = pk.partition("#")
    return DueItem(provider, rest.partition("#")[0], entry["sk"], int(entry["dueAt"]), outbox)
