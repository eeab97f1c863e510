"""Read the fields of a direct invocation, and return plain JSON. Failures become exceptions."""

import json
from typing import Any

from token_broker.entrypoints.adapter import Invocation, Reply
from token_broker.entrypoints.inputs import Input, names
from token_broker.errors import BrokerError, InvalidRequest


class DirectAdapter(Invocation):
    """Adapt `lambda:InvokeFunction` with the route's fields. The caller is trusted for every merchant."""

    def __init__(self, event: Any, request_id: str) -> None:
        self._event = event
        self.request_id = request_id

    def caller(self) -> str:
        """Return `direct`, since Lambda does not tell a function who invoked it."""
        return "direct"

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Return the event itself. Raises `InvalidRequest` if it is not a JSON object."""
        if not isinstance(self._event, dict):
            raise InvalidRequest(f"Invoke this function with one JSON object: {', '.join(names(kind))}.")
        return self._event

    def respond(self, reply: Reply) -> dict[str, Any]:
        """Return the body as plain JSON. A revision becomes a member, since there is no header for it."""
        body = reply.as_json()
        return body if reply.revision is None else {**body, "revision": reply.revision}

    def reject(self, error: BrokerError) -> Any:
        """Raise the error. Its class is the `errorType`, the problem document is the `errorMessage`.

        The document has the seconds to wait as `retryAfter`, if they are known, since there is no header for them.
        """
        problem = error.problem(self.request_id)
        if error.retry_after_seconds is not None:
            problem["retryAfter"] = error.retry_after_seconds
        error.args = (json.dumps(problem, ensure_ascii=False),)
        raise error.with_traceback(None) from None
