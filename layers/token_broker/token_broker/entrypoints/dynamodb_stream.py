"""The way in for the table's own changes: records of its stream, of which only new items of the outbox are ours.

One that fails is reported. Lambda hands it and what came after it out again, a few times; what has been delivered by
then is gone from the outbox.
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
    """The batch's records; None where the event is no batch."""
    records = event.get("Records") if isinstance(event, Mapping) and len(event) == 1 else None
    if not isinstance(records, list):
        return None
    return records if all(isinstance(each, Mapping) and each.get("eventSource") == SOURCE for each in records) else None


class StreamAdapter:
    """One batch."""

    entry_point: ClassVar = "stream"

    def __init__(self, records: Sequence[Record], request_id: str) -> None:
        self._numbers = dict(_ours(records))
        self.request_id = request_id

    def caller(self) -> str:
        """Whoever may write to the table."""
        return "stream"

    def grant(self) -> None:
        """None: IAM has judged who may write."""

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:  # noqa: ARG002  # there is one kind
        """The new events' names."""
        return {"events": list(self._numbers)}

    def respond(self, reply: Reply) -> dict[str, Any]:
        """Which records to hand out again."""
        return self._again(reply.as_json()["failed"])

    def reject(self, error: BrokerError) -> dict[str, Any]:  # noqa: ARG002  # nobody reads an answer: the log says why
        """All of them."""
        return self._again(self._numbers)

    def _again(self, names: Any) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": self._numbers[name]} for name in names]}


def _ours(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """The name and the sequence number of each new item of the outbox, whatever the event source's filter lets in."""
    for record in records:
        change = record.get("dynamodb", {})
        key = [change.get("Keys", {}).get(name, {}).get("S", "") for name in ("pk", "sk")]
        if record.get("eventName") == "INSERT" and key[0].startswith(_OUTBOX):
            yield f"{key[0].removeprefix(_OUTBOX)}/{key[1]}", change["SequenceNumber"]
