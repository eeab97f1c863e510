"""A subscriber of the stack's event bus, as a site's owner would add one."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.local_stack import Stack
from token_broker.domain.events import MEMBERS, Event


@dataclass
class Subscriber:
    """A queue behind a rule of the bus."""

    sqs: Any
    queue: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    def listen(self) -> None:
        while received := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            self.heard += [json.loads(message["Body"]) for message in received]
            for message in received:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def of(self, *told: Event) -> list[dict[str, Any]]:
        """Return the received copies of these events."""
        self.listen()
        ids = {event.event_id for event in told}
        return [each for each in self.heard if each["detail"]["eventId"] in ids]

    def about(self, merchant: str, kind: str) -> list[dict[str, Any]]:
        """Return the details of the merchant's received events of this type."""
        self.listen()
        details = [each["detail"] for each in self.heard if each["detail-type"] == kind]
        return [detail for detail in details if detail["merchant"] == merchant]


@contextmanager
def subscribed(stack: Stack) -> Iterator[Subscriber]:
    """Add a rule for the broker's events and a target, until the block ends."""
    name, bus = f"e2e-{secrets.token_hex(4)}", stack.described["eventBus"]
    sqs, events = stack.client("sqs"), stack.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["token-broker"], "detail-type": sorted(MEMBERS)}
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    yield Subscriber(sqs, queue)
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name=name, EventBusName=bus)
    sqs.delete_queue(QueueUrl=queue)
