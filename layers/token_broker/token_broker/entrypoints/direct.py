"""Direct invocation: the fields of the route as plain JSON."""

import json
from typing import Any, ClassVar

from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.inputs import Input, sources
from token_broker.errors import BrokerError, InvalidRequest


class DirectAdapter:
    """`lambda:InvokeFunction` with the route's fields; trusted for every merchant of the function."""

    entry_point: ClassVar = "direct"

    def __init__(self, event: Any, request_id: str) -> None:
        self._event = event
        self.request_id = request_id

    def caller(self) -> str:
        """Lambda does not tell a function who invoked it."""
        return "direct"

    def grant(self) -> None:
        """None: whoever may invoke the function is trusted."""

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """The event itself."""
        if not isinstance(self._event, dict):
            raise InvalidRequest(f"Invoke this function with one JSON object: {', '.join(_names(kind))}.")
        return self._event

    def respond(self, reply: Reply) -> dict[str, Any]:
        """The plain answer; a revision goes with it, since there is no header to carry it."""
        body = reply.as_json()
        return body if reply.revision is None else {**body, "revision": reply.revision}

    def reject(self, error: BrokerError) -> Any:
        """Raises the error: its class is the `errorType`, the problem document its `errorMessage`."""
        error.args = (json.dumps(error.problem(self.request_id), ensure_ascii=False),)
        raise error.with_traceback(None) from None


def _names(kind: type[Input]) -> list[str]:
    return [source.name for source in sources(kind).values()]
