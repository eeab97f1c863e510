"""Read the fields of SQS messages. Each message is one JSON object that can have members for other readers, too.

The messages of a batch are processed one by one. A message that fails is reported, and SQS redelivers it. After its
last try SQS moves it to the dead-letter queue.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from token_broker import strict_json
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.inputs import Input, sources
from token_broker.errors import BrokerError, InvalidRequest

SOURCE = "aws:sqs"


def messages(event: Any) -> list[Mapping[str, Any]] | None:
    """Return the batch's messages, or None if the event is no batch."""
    records = event.get("Records") if isinstance(event, Mapping) and len(event) == 1 else None
    if not isinstance(records, list):
        return None
    return records if all(isinstance(each, Mapping) and each.get("eventSource") == SOURCE for each in records) else None


class SqsAdapter:
    """Adapt one message."""

    entry_point: ClassVar = "queue"

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message

    @property
    def request_id(self) -> str:
        """Return the message's id, which redeliveries keep."""
        return str(self._message.get("messageId", ""))

    def caller(self) -> str:
        """Return `queue`. Whoever can send to the queue is trusted for every merchant."""
        return "queue"

    def grant(self) -> Grant | None:
        """Return None, since IAM decides who can send to the queue."""
        return None

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Return the known fields of the message's body, without those that are null. Raises `InvalidRequest`.

        Other members are ignored, since an event has many readers. SQS limits the length.
        """
        text = self._message.get("body")
        if not isinstance(text, str):
            raise InvalidRequest("A message must be text. Send one JSON object.")
        try:
            value = strict_json.loads(text)
        except strict_json.NotStrictJson as reason:
            raise InvalidRequest(f"The message is not usable: {reason}. Send one JSON object.") from None
        if not isinstance(value, dict):
            raise InvalidRequest("A message must be one JSON object.")
        known = (source.name for source in sources(kind).values())
        return {name: value[name] for name in known if value.get(name) is not None}

    def respond(self, reply: Reply) -> bool:  # noqa: ARG002  # a message has no response
        """Return True, since the message is processed."""
        return True

    def reject(self, error: BrokerError) -> bool:  # noqa: ARG002  # the log has the reason
        """Return False, since the message failed."""
        return False
