"""The emulator's own process: `python -m sandbox.stack.emulator_process STATE_DIR RUNTIME_PYTHON`.

The emulator runs functions with `sys.executable`. Pointing that at an environment which holds only what
the Lambda runtime ships makes a dependency that the layer lacks fail here as it would on AWS. STATE_DIR
marks the command line.

The emulator gives every exception the `errorType` Runtime.HandlerError. On AWS it is the name of the exception's
class, which a state machine catches by; so it is here.

The emulator decodes a request's path before it looks for the route. A REST API of AWS keeps the path as it was sent: an
encoded slash is no other segment, and a function gets its path parameters percent-encoded; so it is here.
"""

import functools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

_TRACEBACK = "Traceback (most recent call last):"


def main() -> None:
    runtime_python = sys.argv[2]
    sys.argv[1:] = []
    from ministack import app
    from ministack.services import lambda_svc

    sys.executable = runtime_python
    app._handle_execute_api_request = keeping_the_path(app._handle_execute_api_request)  # noqa: SLF001
    lambda_svc._execute_function_warm = naming_exceptions(lambda_svc._execute_function_warm)  # noqa: SLF001
    app.main()


def keeping_the_path(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The emulator's way to answer for a REST API, with the path as it came."""

    @functools.wraps(handle)
    async def handled(host: str, path: str, *arguments: Any, raw_path: str | None = None, **options: Any) -> Any:
        return await handle(host, raw_path or path, *arguments, raw_path=raw_path, **options)

    return handled


def naming_exceptions(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The emulator's way to run a function, with the exception's class as `errorType`.

    Its result is {"body", "error"?, "log"}, where the log ends with the traceback.
    """

    @functools.wraps(execute)
    def executed(*arguments: Any, **options: Any) -> dict[str, Any]:
        result = execute(*arguments, **options)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = exception_name(result.get("log", "")) or body["errorType"]
        return result

    return executed


def exception_name(log: str) -> str | None:
    """The class that the log's last traceback ends with, without its module; None where there is none."""
    _, found, trace = log.rpartition(_TRACEBACK)
    if not found:
        return None
    # Frames are indented; the first line that isn't names the class, whatever its text is.
    named = next((line for line in trace.splitlines() if line and not line.startswith(" ")), "")
    return named.partition(":")[0].rpartition(".")[2] or None


if __name__ == "__main__":
    main()
