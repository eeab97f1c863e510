"""What the adapters of all kinds of events have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from token_broker.domain.grant import Grant
    from token_broker.entrypoints.inputs import Input
    from token_broker.errors import BrokerError

#: Seconds that are assumed where the context states no limit, as in tests.
ASSUMED_SECONDS = 25.0


class JsonResponse(Protocol):
    """Anything that can be the body of a response."""

    def as_json(self) -> dict[str, Any]:
        """Return the body as plain JSON."""
        ...


type Body = JsonResponse | dict[str, Any]


class Reply:
    """Hold a body with the status that the handler chose.

    `revision` becomes the ETag. `failed` names the items of a batch that have to be delivered again.
    """

    __slots__ = ("body", "failed", "revision", "status")

    def __init__(self, body: Body, status: int, revision: int | None = None, failed: Collection[str] = ()) -> None:
        self.body = body
        self.status = status
        self.revision = revision
        self.failed = failed

    def as_json(self) -> dict[str, Any]:
        """Return the body as plain JSON."""
        return self.body if isinstance(self.body, dict) else self.body.as_json()


class Invocation(Protocol):
    """Translate one invocation into the fields of an input, and its outcome into a result."""

    @property
    def request_id(self) -> str:
        """Return the id under which the log names this invocation."""
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
        """Return the result of a success."""
        ...

    def reject(self, error: BrokerError) -> Any:
        """Return, or raise, the result of a failure."""
        ...


class EventAdapter(Protocol):
    """Translate an event into its invocations, and their results into what the function returns."""

    def invocations(self) -> Iterable[Invocation]:
        """Yield the invocations in their order, while there is time for one more."""
        ...

    def response(self, results: Sequence[Any]) -> Any:
        """Return what the function returns. `results` has one result for each invocation."""
        ...


class SingleInvocation:
    """Adapt an event that is one invocation. Its result is what the function returns."""

    def invocations(self) -> tuple[Self]:
        """Return the event itself."""
        return (self,)

    def response(self, results: Sequence[Any]) -> Any:
        """Return the only result."""
        return results[0]


def seconds_left(context: Any) -> float:
    """Return what is left of the function's time."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return ASSUMED_SECONDS if remaining is None else float(remaining() / 1000)
