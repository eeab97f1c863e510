"""What every kind of event has in common."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from token_broker.domain.grant import Grant
from token_broker.entrypoints.inputs import Input
from token_broker.errors import BrokerError


class JsonResponse(Protocol):
    """What can be an answer."""

    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose status the handler chose. `revision` numbers the state of what is shown, for an ETag."""

    body: JsonResponse | dict[str, Any] = field(repr=False)
    status: int
    revision: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The body as plain JSON."""
        return self.body if isinstance(self.body, dict) else self.body.as_json()


class EventAdapter(Protocol):
    """One event on its way through."""

    @property
    def request_id(self) -> str: ...
    def caller(self) -> str:
        """Who asks. Raises `Unauthenticated`."""
        ...

    def grant(self) -> Grant | None:
        """What bounds a storefront; None for a caller whom IAM has judged. Raises `Unauthenticated`, `Forbidden`."""
        ...

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """The fields by their JSON names, not yet checked. Raises `InvalidRequest`."""
        ...

    def respond(self, reply: Reply) -> Any:
        """What the function returns."""
        ...

    def reject(self, error: BrokerError) -> Any:
        """What the function returns, or raises, for a failure."""
        ...
