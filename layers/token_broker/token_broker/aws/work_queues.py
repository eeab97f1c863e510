"""The queues that pending work is sent to."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.aws.store.outbox_items import name_of
from token_broker.errors import StorageUnavailable
from token_broker.ports.work import OUTBOX, WorkMessage

#: What SendMessageBatch takes.
BATCH = 10


class SqsWorkQueues:
    """The `WorkQueues` port: FIFO queues by worker. A merchant is a message group: one worker has it at a time."""

    batch_size = BATCH

    def __init__(self, make_client: Callable[[], Any], urls: Mapping[str, str]) -> None:
        self._make_client = make_client
        self._urls = urls

    def has(self, worker: str) -> bool:
        """Whether the template names a queue."""
        return worker in self._urls

    def send(self, worker: str, batch: Sequence[WorkMessage]) -> int:
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
            response = self._make_client().send_message_batch(QueueUrl=self._urls[worker], Entries=entries)
        except (ClientError, BotoCoreError) as error:
            failure = StorageUnavailable("The queue of work did not answer. The next run sends again.")
            failure.add_note(f"SQS: {error_code(error)}")
            raise failure from None
        return len(response.get("Successful", []))


def body(work: WorkMessage) -> str:
    """What the worker accepts."""
    if work.worker == OUTBOX:
        return json.dumps({"events": [name_of(work.provider, work.merchant, item.item) for item in work.items]})
    return json.dumps({"merchant": work.merchant, "items": [item.item for item in work.items]})


def deduplication_id(work: WorkMessage) -> str:
    """The same only while nobody has worked on any of the items: who did has moved or ended what is due.

    A worker whose clock is behind, and so leaves an item, gets it again once the queue has forgotten this: in 5 min.
    """
    said = json.dumps([work.worker, work.provider, work.merchant, *([item.item, item.due_at] for item in work.items)])
    return hashlib.sha256(said.encode()).hexdigest()
