"""Handle a function's exception in the emulator as AWS does.

The emulator gives every exception the `errorType` Runtime.HandlerError. On AWS, `errorType` is the name of the
exception's class, which a state machine can catch.

The emulator ends the process. On AWS, the runtime reports the exception, keeps the process with its memory, and waits
for the next event. `awslambdaric` has this loop. Both replace a process that dies or times out.
"""

import functools
import secrets
from collections.abc import Callable
from typing import Any

#: The expression by which the emulator's script reports an exception.
REPORT = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_TRACEBACK = "Traceback (most recent call last):"


class PersistentProcesses:
    """Keep processes alive after an exception.

    The emulator sees a normal result. The error is restored after the emulator has checked the result.
    """

    def __init__(self) -> None:
        #: A random key, which no handler returns.
        self._key = secrets.token_hex(16)

    def script(self, script: str) -> str:
        """Return the emulator's script with a report that looks like a result.

        Raises `RuntimeError` if the script reports exceptions in another way.
        """
        if script.count(REPORT) != 1:
            raise RuntimeError("This version of the emulator reports exceptions in another way.")
        return script.replace(REPORT, f'{{"status": "ok", "result": {{"{self._key}": {REPORT}}}}}')

    def invoking[**P](self, invoke: Callable[P, dict[str, Any]]) -> Callable[P, dict[str, Any]]:
        """Wrap the emulator's call of a process, and restore the errors in its results.

        A result is {"status", "result"?, "error"?, "trace"?, …}.
        """

        @functools.wraps(invoke)
        def invoked(*arguments: P.args, **options: P.kwargs) -> dict[str, Any]:
            response = invoke(*arguments, **options)
            result = response.get("result")
            return {**response, **result[self._key]} if isinstance(result, dict) and self._key in result else response

        return invoked


def with_exception_names(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Wrap the emulator's execution of a function so that `errorType` is the exception's class.

    The execution returns {"body", "error"?, "log"}. The log ends with the traceback.
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
    """Return the class in the log's last traceback, without its module, or None without a traceback."""
    _, found, trace = log.rpartition(_TRACEBACK)
    if not found:
        return None
    # Frames are indented. The first line that is not indented names the class.
    named = next((line for line in trace.splitlines() if line and not line.startswith(" ")), "")
    return named.partition(":")[0].rpartition(".")[2] or None
