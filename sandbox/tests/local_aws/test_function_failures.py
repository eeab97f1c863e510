"""A function's process on the local stack goes on after an exception, and its caller still sees the exception."""

import json
import traceback
from typing import Any

import pytest

from sandbox.local_aws.function_failures import REPORT, PersistentProcesses


def handle(event: object) -> object:
    if event == "bad":
        raise KeyError(event)
    return event


class Process:
    """A process with the emulator's script, which ends it where it reports an error."""

    def __init__(self, script: str) -> None:
        self._script, self.alive = script, True

    def invoke(self, event: object) -> dict[str, Any]:
        try:
            return {"status": "ok", "result": handle(event), "log": "words"}
        except KeyError as e:
            report = eval(self._script, {"e": e, "traceback": traceback})  # noqa: S307  # a line of the script
        response = json.loads(json.dumps(report))
        self.alive = response["status"] == "ok"
        return {**response, "log": "words"}


def test_an_exception_ends_no_process_and_is_seen() -> None:
    persistent_processes = PersistentProcesses()
    process = Process(persistent_processes.script(REPORT))

    response = persistent_processes.invoking(process.invoke)("bad")

    assert process.alive
    assert (response["status"], response["error"], response["log"]) == ("error", "'bad'", "words")
    assert response["trace"].endswith("KeyError: 'bad'\n")


@pytest.mark.parametrize("result", [None, 7, "text", [], {}, {"status": "error", "error": "mine"}])
def test_a_result_stays_what_it_is(result: object) -> None:
    persistent_processes = PersistentProcesses()

    response = persistent_processes.invoking(Process(persistent_processes.script(REPORT)).invoke)(result)

    assert response == {"status": "ok", "result": result, "log": "words"}


@pytest.mark.parametrize("script", ["", "print()", REPORT * 2])
def test_another_script_is_refused(script: str) -> None:
    with pytest.raises(RuntimeError, match="reports exceptions in another way"):
        PersistentProcesses().script(script)
