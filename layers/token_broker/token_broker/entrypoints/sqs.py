"""Read the fields of SQS messages. Each message is one JSON object that can have members for other readers, too.

The messages of a batch are processed one by one. A message that fails is reported, and SQS redelivers it. After its
last try SQS moves it to the dead-letter queue.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from token_broker import strict_json
from token_broker.entrypoints.adapter import Invocation, Reply, seconds_left
from token_broker.entrypoints.inputs import Input, names
from token_broker.errors import BrokerError, InvalidRequest
from token_broker.ports.telemetry import Telemetry

#: Seconds that must be left to begin one more message of a batch. AWS may be slow.
MESSAGE_SECONDS = 10.0


class SqsMessage(Invocation):
    """Adapt one message. Its result is whether it is processed."""

    def __init__(self, message: Mapping[str, Any], telemetry: Telemetry) -> None:
        self._message = message
        self._telemetry = telemetry
        self.request_id = str(message.get("messageId", ""))  # redeliveries keep it

    def caller(self) -> str:
        """Return `queue`. Whoever can send to the queue is trusted for every merchant."""
        return "queue"

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
        return {name: value[name] for name in names(kind) if value.get(name) is not None}

    def respond(self, reply: Reply) -> bool:  # noqa: ARG002  # a message has no response
        """Return True, since the message is processed."""
        return True

    def reject(self, error: BrokerError) -> bool:
        """Return False, since the message failed. The log tells what is wrong with a message that is not valid."""
        if isinstance(error, InvalidRequest):
            # Nobody reads a response to a message. The detail names fields and quotes nothing.
            self._telemetry.notice("message_rejected", code=error.code, detail=error.detail)
        return False


def process(
    records: Sequence[Mapping[str, Any]], context: Any, telemetry: Telemetry, run: Callable[[SqsMessage], bool]
) -> dict[str, Any]:
    """Run the messages while there is time, and return those that SQS has to deliver again.

    A function that ran out of time would fail with the whole batch.
    """
    messages = [SqsMessage(each, telemetry) for each in records]
    failed = [each for each in messages if seconds_left(context) < MESSAGE_SECONDS or not run(each)]
    return {"batchItemFailures": [{"itemIdentifier": each.request_id} for each in failed]}
