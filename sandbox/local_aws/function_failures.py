"""What becomes of a function whose handler raises, in the emulator as on AWS.

The emulator gives every exception the `errorType` Runtime.HandlerError. On AWS it is the name of the exception's
class, which a state machine catches by; so it is here.

The emulator ends the process. On AWS the runtime reports the exception and waits for the next event, with all that the
process remembers (the loop of the runtime's own client, `awslambdaric`); so it is here. A process that dies or runs out
of time is replaced by a new one on both.
"""

import functools
import secrets
from collections.abc import Callable
from typing import Any

#: What the emulator's script for a function's process says of an exception.
REPORT = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_TRACEBACK = "Traceback (most recent call last):"


class PersistentProcesses:
    """Processes that go on after an exception: the emulator sees a result, which is turned back after it has looked."""

    def __init__(self) -> None:
        #: Nothing that a handler could return by chance.
        self._mark = secrets.token_hex(16)

    def script(self, script: str) -> str:
        """The emulator's script, its report in disguise. Raises RuntimeError where it has another one."""
        if script.count(REPORT) != 1:
            raise RuntimeError("This version of the emulator reports exceptions in another way.")
        return script.replace(REPORT, f'{{"status": "ok", "result": {{"{self._mark}": {REPORT}}}}}')

    def invoking[**P](self, invoke: Callable[P, dict[str, Any]]) -> Callable[P, dict[str, Any]]:
        """The emulator's way to have a process handle an event; {"status", "result"?, "error"?, "trace"?, …}."""

        @functools.wraps(invoke)
        def invoked(*arguments: P.args, **options: P.kwargs) -> dict[str, Any]:
            response = invoke(*arguments, **options)
            result = response.get("result")
            return {**response, **result[self._mark]} if isinstance(result, dict) and self._mark in result else response

        return invoked


def with_exception_names(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
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
