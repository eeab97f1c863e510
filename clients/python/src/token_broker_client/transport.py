"""Define how an operation reaches the broker, and what comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

from token_broker_client.errors import MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker_client.deadline import Deadline
    from token_broker_client.members import Model
    from token_broker_client.operations import Operation

_M = TypeVar("_M", bound="Model")


class Answer(NamedTuple):
    """Hold a successful answer. `status` is the HTTP status, and None for a direct invocation.

    `revision` is that of a policy or of settings, or None.
    """

    body: Mapping[str, Any]
    request_id: str | None = None
    status: int | None = None
    revision: int | None = None

    def read(self, kind: type[_M], **more: Any) -> _M:
        """Return the body as an object of this class. `more` are fields that it does not have.

        Raises `MalformedAnswer`.
        """
        try:
            return kind.from_json(self.body, **more)
        except MalformedAnswer as error:
            error.status, error.request_id = self.status, self.request_id
            raise

    def __repr__(self) -> str:
        """Show all but the body, which can hold a token's value."""
        return f"Answer(status={self.status}, request_id={self.request_id!r}, revision={self.revision})"


class Transport(Protocol):
    """Carry out one attempt of an operation."""

    def send(self, operation: Operation, fields: Mapping[str, Any], deadline: Deadline) -> Answer:
        """Send the fields, by their names in JSON, and return the answer. Raises `TokenBrokerError`."""
        ...  # pyright takes no docstring alone for a body

    def close(self) -> None:
        """Close what the transport keeps open."""


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in the body, or None if there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
