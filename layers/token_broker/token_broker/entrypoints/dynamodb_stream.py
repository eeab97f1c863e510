"""Read the new outbox items in a batch of the table's stream.

A record that fails is reported. Lambda delivers this record and the later ones again, a few times. By then the outbox
no longer holds the delivered events.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from token_broker.aws.store.outbox_items import name_of_key
from token_broker.entrypoints.adapter import Invocation, Reply
from token_broker.entrypoints.inputs import Input
from token_broker.errors import BrokerError


class StreamAdapter(Invocation):
    """Adapt one batch of the stream."""

    def __init__(self, records: Sequence[Mapping[str, Any]], request_id: str) -> None:
        self._records = records
        self.request_id = request_id

    def caller(self) -> str:
        """Return `stream`. Whoever can write to the table is trusted for every merchant."""
        return "stream"

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:  # noqa: ARG002  # only one kind takes it
        """Return the names of the new events."""
        return {"events": list(self._sequence_numbers)}

    def respond(self, reply: Reply) -> dict[str, Any]:
        """Return the records that Lambda has to deliver again."""
        return self._failures(reply.failed)

    def reject(self, error: BrokerError) -> dict[str, Any]:  # noqa: ARG002  # the log has the reason
        """Return all records, which Lambda has to deliver again."""
        return self._failures(self._sequence_numbers)

    def _failures(self, names: Collection[str]) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": self._sequence_numbers[name]} for name in names]}

    @cached_property
    def _sequence_numbers(self) -> dict[str, str]:
        """Return each new outbox item's sequence number by its name. The event source's filter is not relied on."""
        found = {}
        for record in self._records:
            change = record.get("dynamodb", {})
            key = [change.get("Keys", {}).get(name, {}).get("S", "") for name in ("pk", "sk")]
            if record.get("eventName") == "INSERT" and (name := name_of_key(*key)) is not None:
                found[name] = change["SequenceNumber"]
        return found
