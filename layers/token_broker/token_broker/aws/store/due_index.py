"""The sparse index of what is due, and the queues that the work goes to."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.aws.store.outbox_items import PREFIX, name_of
from token_broker.aws.store.records import DUE_SHARDS
from token_broker.aws.store.table import Table
from token_broker.errors import StorageUnavailable
from token_broker.ports.work import OUTBOX, DueItem, DuePage, IndexKey, Work

INDEX = "due"
#: What SendMessageBatch takes.
BATCH = 10
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


class SqsWorkQueues:
    """The `WorkQueues` port: FIFO queues by worker. A merchant is a message group: one worker has it at a time."""

    batch_size = BATCH

    def __init__(self, make_client: Callable[[], Any], urls: Mapping[str, str]) -> None:
        self._make_client = make_client
        self._urls = urls

    def has(self, worker: str) -> bool:
        """Whether the template names a queue."""
        return worker in self._urls

    def send(self, worker: str, batch: Sequence[Work]) -> int:
        """One SendMessageBatch, which can fail for some of its entries alone."""
        entries = [
            {
                "Id": str(number),
                "MessageGroupId": work.merchant,
                "MessageDeduplicationId": deduplication_id(work),
                "MessageBody": body(work),
            }
            for number, work in enumerate(batch)
        ]
        try:
            answer = self._make_client().send_message_batch(QueueUrl=self._urls[worker], Entries=entries)
        except (ClientError, BotoCoreError) as error:
            failure = StorageUnavailable("The queue of work did not answer. The next run sends again.")
            failure.add_note(f"SQS: {error_code(error)}")
            raise failure from None
        return len(answer.get("Successful", []))


def body(work: Work) -> str:
    """What the worker accepts."""
    if work.worker == OUTBOX:
        return json.dumps({"events": [name_of(work.provider, work.merchant, item.item) for item in work.items]})
    return json.dumps({"merchant": work.merchant, "items": [item.item for item in work.items]})


def deduplication_id(work: Work) -> str:
    """The same only while nobody has worked on any of the items: who did has moved or ended what is due.

    A worker whose clock is behind, and so leaves an item, gets it again once the queue has forgotten this: in 5 min.
    """
    said = json.dumps([work.worker, work.provider, work.merchant, *([item.item, item.due_at] for item in work.items)])
    return hashlib.sha256(said.encode()).hexdigest()
