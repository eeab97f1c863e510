"""Send pending work to the workers' SQS queues."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.aws.store.outbox_items import name_of
from token_broker.errors import StorageUnavailable
from token_broker.ports.work import OUTBOX, WorkMessage

#: The most messages in one SendMessageBatch.
BATCH = 10


class SqsWorkQueues:
    """Send messages to the FIFO queue of each worker. Workers can share a queue.

    A merchant at one provider is a message group, so that one call at a time works for it.
    """

    batch_size = BATCH

    def __init__(self, make_client: Callable[[], Any], urls: Mapping[str, str]) -> None:
        self._make_client = make_client
        self._urls = urls

    def has(self, worker: str) -> bool:
        """Return whether the template names a queue for the worker."""
        return worker in self._urls

    def send(self, worker: str, batch: Sequence[WorkMessage]) -> int:
        """Send one SendMessageBatch, which can fail for single messages."""
        entries = [
            {
                "Id": str(number),
                "MessageGroupId": f"{work.provider}#{work.merchant}",
                "MessageDeduplicationId": deduplication_id(work),
                "MessageBody": body(work),
            }
            for number, work in enumerate(batch)
        ]
        try:
            response = self._make_client().send_message_batch(QueueUrl=self._urls[worker], Entries=entries)
        except (ClientError, BotoCoreError) as error:
            detail = "The work queue did not respond. The next run sends the work again."
            raise StorageUnavailable(detail, causes=(f"SQS: {error_code(error)}",)) from None
        return len(response.get("Successful", []))


def body(work: WorkMessage) -> str:
    """Return the message body that the worker accepts."""
    if work.worker == OUTBOX:
        return json.dumps({"events": [name_of(work.provider, work.merchant, item.item) for item in work.items]})
    items = [item.item for item in work.items]
    return json.dumps({"provider": work.provider, "merchant": work.merchant, "items": items})


def deduplication_id(work: WorkMessage) -> str:
    """Return an id that changes as soon as a worker has rescheduled or ended one of the items.

    A worker whose clock is slow may leave an item. After 5 minutes the queue forgets the id and accepts the item again.
    """
    text = json.dumps([work.worker, work.provider, work.merchant, *([item.item, item.due_at] for item in work.items)])
    return hashlib.sha256(text.encode()).hexdigest()
