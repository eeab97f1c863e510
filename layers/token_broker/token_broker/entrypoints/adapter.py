"""What the adapters of all kinds of events have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from token_broker.domain.shown import shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from token_broker.domain.grant import Grant
    from token_broker.entrypoints.inputs import Input
    from token_broker.errors import BrokerError
    from token_broker.telemetry import PowertoolsTelemetry

#: Seconds that are assumed where the context states no limit, as in tests.
ASSUMED_SECONDS = 25.0


class Container[S](Protocol):
    """Keep what a function works with. `wiring` has the implementation."""

    @property
    def telemetry(self) -> PowertoolsTelemetry:
        """Return the logs and metrics of the process."""

    @property
    def service(self) -> S:
        """Return what the function's operation or decision works with."""


class JsonResponse(Protocol):
    """Anything that can be the body of a response."""

    def as_json(self) -> dict[str, Any]:
        """Return the body as plain JSON."""


type Body = JsonResponse | dict[str, Any]


class Reply(NamedTuple):
    """Hold a body with the status that the handler chose.

    `revision` becomes the ETag. `failed` names the items of a batch that have to be delivered again.
    """

    body: Body
    status: int
    revision: int | None = None
    failed: Collection[str] = ()

    def __repr__(self) -> str:
        """Show all but the body, which can hold a token's value."""
        return shown(self, without=("body",))

    def as_json(self) -> dict[str, Any]:
        """Return the body as plain JSON."""
        return self.body if isinstance(self.body, dict) else self.body.as_json()


class Invocation(Protocol):
    """Translate one invocation into the fields of an input, and its outcome into a result.

    The log names the invocation by its `request_id`.
    """

    request_id: str

    def caller(self) -> str:
        """Return who calls. Raises `Unauthenticated`."""

    def grant(self) -> Grant | None:
        """Return what a storefront or client may have, or None for a caller that IAM has admitted.

        Raises `Unauthenticated`, `Forbidden`.
        """
        return None

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Return the fields by their JSON names, unchecked. Raises `InvalidRequest`."""

    def respond(self, reply: Reply) -> Any:
        """Return the result of a success."""

    def reject(self, error: BrokerError) -> Any:
        """Return, or raise, the result of a failure."""


def seconds_left(context: Any) -> float:
    """Return what is left of the function's time."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return ASSUMED_SECONDS if remaining is None else float(remaining() / 1000)
