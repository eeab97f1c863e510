"""The way in for an order system: SQS messages, each one JSON object that has the same fields among its members.

A batch is worked off message by message. One that fails is reported, so that SQS hands it out again and, after its last
try, puts it aside in the dead-letter queue; the others are done.
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
    """The batch's messages; None where the event is no batch."""
    records = event.get("Records") if isinstance(event, Mapping) and len(event) == 1 else None
    if not isinstance(records, list):
        return None
    return records if all(isinstance(each, Mapping) and each.get("eventSource") == SOURCE for each in records) else None


class SqsAdapter:
    """One message."""

    entry_point: ClassVar = "queue"

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message

    @property
    def request_id(self) -> str:
        """The message's id, which is the same at each try."""
        return str(self._message.get("messageId", ""))

    def caller(self) -> str:
        """Whoever may send to the queue is trusted for every merchant."""
        return "queue"

    def grant(self) -> Grant | None:
        """None: IAM has judged who may send."""
        return None

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """The fields among the members of the message's body; null says nothing.

        An event is there for many readers, and has members for others. The length is SQS's to limit.
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

    def respond(self, reply: Reply) -> bool:  # noqa: ARG002  # nobody waits for it
        """Done."""
        return True

    def reject(self, error: BrokerError) -> bool:  # noqa: ARG002  # nobody reads an answer: the log says why
        """Not done."""
        return False
