"""What the adapters of all kinds of events have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from token_broker.domain.grant import Grant
    from token_broker.entrypoints.inputs import Input
    from token_broker.errors import BrokerError


class JsonResponse(Protocol):
    """Anything that can be the body of a response."""

    def as_json(self) -> dict[str, Any]:
        """Return the body as plain JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold a body with the status that the handler chose. `revision` becomes the ETag."""

    body: JsonResponse | dict[str, Any] = field(repr=False)
    status: int
    revision: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the body as plain JSON."""
        return self.body if isinstance(self.body, dict) else self.body.as_json()


class EventAdapter(Protocol):
    """Translate one event into the fields of an input, and the outcome into what the function returns."""

    #: The kind of event in the log: api, storefront, direct, queue or stream.
    entry_point: ClassVar[str]

    @property
    def request_id(self) -> str:
        """Return the id under which the log names this event."""
        ...

    def caller(self) -> str:
        """Return who calls. Raises `Unauthenticated`."""
        ...

    def grant(self) -> Grant | None:
        """Return what a storefront may have, or None for a caller that IAM has admitted.

        Raises `Unauthenticated`, `Forbidden`.
        """
        ...

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Return the fields by their JSON names, unchecked. Raises `InvalidRequest`."""
        ...

    def respond(self, reply: Reply) -> Any:
        """Return what the function returns on success."""
        ...

    def reject(self, error: BrokerError) -> Any:
        """Return, or raise, what the function ends with on failure."""
        ...
