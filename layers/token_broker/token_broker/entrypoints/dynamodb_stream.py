"""Read the new outbox items in a batch of the table's stream.

A record that fails is reported. Lambda delivers this record and the later ones again, a few times. By then the outbox
no longer holds the delivered events.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.inputs import Input
from token_broker.errors import BrokerError

SOURCE = "aws:dynamodb"
_OUTBOX = "outbox#"

type Record = Mapping[str, Any]


def changes(event: Any) -> list[Record] | None:
    """Return the batch's records, or None if the event is no batch."""
    records = event.get("Records") if isinstance(event, Mapping) and len(event) == 1 else None
    if not isinstance(records, list):
        return None
    return records if all(isinstance(each, Mapping) and each.get("eventSource") == SOURCE for each in records) else None


class StreamAdapter:
    """Adapt one batch of the stream."""

    entry_point: ClassVar = "stream"

    def __init__(self, records: Sequence[Record], request_id: str) -> None:
        self._sequence_numbers = dict(_new_events(records))
        self.request_id = request_id

    def caller(self) -> str:
        """Return `stream`. Whoever can write to the table is trusted for every merchant."""
        return "stream"

    def grant(self) -> None:
        """Return None, since IAM decides who can write to the table."""

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:  # noqa: ARG002  # only one kind takes it
        """Return the names of the new events."""
        return {"events": list(self._sequence_numbers)}

    def respond(self, reply: Reply) -> dict[str, Any]:
        """Return the records that Lambda has to deliver again."""
        return self._failures(reply.as_json()["failed"])

    def reject(self, error: BrokerError) -> dict[str, Any]:  # noqa: ARG002  # the log has the reason
        """Return all records, which Lambda has to deliver again."""
        return self._failures(self._sequence_numbers)

    def _failures(self, names: Any) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": self._sequence_numbers[name]} for name in names]}


def _new_events(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Yield the name and the sequence number of each new outbox item. The event source's filter is not relied on."""
    for record in records:
        change = record.get("dynamodb", {})
        key = [change.get("Keys", {}).get(name, {}).get("S", "") for name in ("pk", "sk")]
        if record.get("eventName") == "INSERT" and key[0].startswith(_OUTBOX):
            yield f"{key[0].removeprefix(_OUTBOX)}/{key[1]}", change["SequenceNumber"]
