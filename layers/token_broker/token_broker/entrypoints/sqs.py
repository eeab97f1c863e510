"""Read the fields of SQS messages. Each message is one JSON object that can have members for other readers, too.

The messages of a batch are processed one by one. A message that fails is reported, and SQS redelivers it. After its
last try SQS moves it to the dead-letter queue.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from token_broker import strict_json
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import Reply, seconds_left
from token_broker.entrypoints.inputs import Input, sources
from token_broker.errors import BrokerError, InvalidRequest
from token_broker.ports.telemetry import Telemetry

#: Seconds that must be left to begin one more message of a batch. AWS may be slow.
MESSAGE_SECONDS = 10.0


class SqsMessage:
    """Adapt one message. Its result is whether it is processed."""

    def __init__(self, message: Mapping[str, Any], telemetry: Telemetry) -> None:
        self._message = message
        self._telemetry = telemetry

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

    def reject(self, error: BrokerError) -> bool:
        """Return False, since the message failed. The log tells what is wrong with a message that is not valid."""
        if isinstance(error, InvalidRequest):
            # Nobody reads a response to a message. The detail names fields and quotes nothing.
            self._telemetry.notice("message_rejected", code=error.code, detail=error.detail)
        return False


class SqsAdapter:
    """Adapt a batch of messages."""

    def __init__(self, records: Sequence[Mapping[str, Any]], context: Any, telemetry: Telemetry) -> None:
        self._messages = [SqsMessage(each, telemetry) for each in records]
        self._context = context

    def invocations(self) -> Iterator[SqsMessage]:
        """Yield the messages while there is time. A function that ran out of time would fail with the whole batch."""
        for message in self._messages:
            if seconds_left(self._context) < MESSAGE_SECONDS:
                return
            yield message

    def response(self, results: Sequence[bool]) -> dict[str, Any]:
        """Return the messages that SQS has to deliver again: those that failed, and those without a result."""
        failed = [each for each, done in zip(self._messages, results, strict=False) if not done]
        failed += self._messages[len(results) :]
        return {"batchItemFailures": [{"itemIdentifier": each.request_id} for each in failed]}
