"""Invoke functions that the client has no operation for, or with events that it does not send."""

import json
from typing import Any

from sandbox.local_stack import Stack


def invoke(stack: Stack, function: str, event: object) -> tuple[Any, str | None]:
    """Invoke a function by its folder. Return its result, and the error's name if it raised."""
    name, payload = stack.described["functions"][function], json.dumps(event).encode()
    response = stack.client("lambda").invoke(FunctionName=name, Payload=payload)
    result = json.loads(response["Payload"].read())
    return result, result["errorType"] if "FunctionError" in response else None
