"""Run the commands of one page in one shell, as a reader with a local stack does."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.documentation import aws_cli
from tests.e2e.documentation.blocks import ROOT, Block
from tests.reference.paths import local_python

SECONDS = 120
HERE = Path(__file__).resolve().parent
PYTHON = shlex.quote(str(local_python()))
#: It stands before the real one on the reader's PATH, and notes the status of each response.
CURL = r"""#!/bin/sh
headers=$(mktemp "$TRIED/headers.XXXXXX")
PATH=${PATH#*:} curl --dump-header "$headers" "$@"
ended=$?
echo "$(cat "$TRIED/block") $(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$headers" | tail -n 1)" >>"$TRIED/statuses"
exit $ended
"""
#: The program jq as a library, so that the tests need no more than their environment.
JQ = """
import jq, json, sys
*flags, program = sys.argv[1:]
layout = {"separators": (",", ":")} if "-c" in flags else {"indent": 2}
for value in jq.compile(program).input_text(sys.stdin.read()):
    print(value if "-r" in flags and isinstance(value, str) else json.dumps(value, ensure_ascii=False, **layout))
"""
#: For the comments `before`.
CONTROL = f"""CONTROL=$({PYTHON} -c "import json; print(json.load(open('.local/simulators.json'))['control'])")"""


@dataclass(frozen=True)
class Tried:
    """How a block ended, and what was seen."""

    ended_well: bool
    statuses: list[str]
    output: str
    errors: str


def run(folder: Path, state: Path, preset: Sequence[Block], blocks: Sequence[Block]) -> list[Tried]:
    """Run the preset and then the blocks in a new folder. The first command that fails ends the shell."""
    with aws_cli.answering() as port:
        _program(folder / "bin/curl", CURL)
        _program(folder / "bin/jq", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(JQ)} "$@"\n')
        _program(folder / "bin/aws", f'#!/bin/sh\nexec {PYTHON} -ISc {shlex.quote(aws_cli.CLIENT)} {port} "$@"\n')
        _run(folder, state, preset, blocks)
    return [_tried(folder, number) for number in range(len(blocks))]


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _run(folder: Path, state: Path, preset: Sequence[Block], blocks: Sequence[Block]) -> None:
    (folder / "statuses").touch()
    steps = [_step(folder, number, block) for number, block in enumerate(blocks)]
    script = ["set -eo pipefail", *(block.text for block in preset), CONTROL, *steps]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TOKEN_BROKER_"))}
    shell = subprocess.Popen(
        ["bash", "-c", "\n".join(script)],  # noqa: S607  # a reader's own, wherever it is
        cwd=_reader_folder(folder, state),
        env={**kept, "TRIED": str(folder), "PATH": f"{folder / 'bin'}:{kept['PATH']}"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):  # the block that did not end is seen below
            shell.wait(SECONDS)
    finally:
        # The group includes what a page started in the background.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def _step(folder: Path, number: int, block: Block) -> str:
    text = f"{block.before}{block.text}"
    if block.language == "python":
        (folder / f"{number}.py").write_text(text)
        text = f"{PYTHON} {shlex.quote(str(HERE / 'python_block.py'))} {folder}/{number}.py"
    here = f"{folder}/{number}"
    return f"echo {number} >{folder}/block\n{{\n{text}\n}} >{here}.out 2>{here}.err\ntouch {here}.done"


def _tried(folder: Path, number: int) -> Tried:
    noted = [line.split() for line in (folder / "statuses").read_text().splitlines()]
    texts = [path.read_text() if (path := folder / f"{number}.{kind}").exists() else "" for kind in ("out", "err")]
    statuses = [status for block, *status in noted if block == str(number)]
    return Tried((folder / f"{number}.done").exists(), [each[0] for each in statuses if each], *texts)


def _reader_folder(folder: Path, state: Path) -> Path:
    """Return a folder like the project's with the stack's `.local`, which keeps the files that a page writes."""
    reader = folder / "project"
    (reader / ".local").mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name not in (".local", ".git"):
            (reader / path.name).symlink_to(path)
    for path in state.iterdir():
        (reader / ".local" / path.name).symlink_to(path)
    return reader
