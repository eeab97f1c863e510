"""Run the tools that check the stack."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.background import environment
from sandbox.settings import PROJECT

#: The environment that `requirements/audit.in` describes.
PYTHON = str(PROJECT / ".venvs/audit/bin/python")


class AuditError(Exception):
    """Report in a sentence why a tool has no result.

    `cause` is the last line of its standard error. It may name a host, so do not print it.
    """

    def __init__(self, sentence: str, cause: str = "") -> None:
        super().__init__(sentence)
        self.cause = cause


def json_of(name: str, command: Sequence[str], folder: Path, seconds: float) -> Any:
    """Return the JSON that the tool `name` prints.

    The tool runs in `folder`, with no settings of the user. Its exit status is ignored, because it depends on the
    findings. Raises `AuditError` if the tool prints no JSON in time.
    """
    variables = environment.base({"HOME": str(folder), "LOG_LEVEL": "ERROR"})
    try:
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise AuditError(f"{name} did not end within {seconds:.0f} s.", "Timeout") from None
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        cause = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise AuditError(f"{name} printed no report and ended with status {done.returncode}.", cause) from None
