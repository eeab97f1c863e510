"""Starting a companion that listens on a port, and ending it."""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.background import environment
from tests.reference.paths import PROJECT

#: Seconds, on a machine that is busy with other tests.
READY_WITHIN = 60.0
ENDED_WITHIN = 15.0
#: A port that was free can be taken by another process until the companion has it.
TRIES = 3
#: What a developer has set for their own Java and Node must not steer these.
_DROPPED = ("JAVA_", "_JAVA_", "JDK_", "NODE_", "npm_config_")
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _EndedError(RuntimeError):
    """The companion ended instead of answering."""


@contextmanager
def serving(
    title: str,
    command: Callable[[int, Path], Sequence[str]],
    *,
    path: str = "/",
    variables: Callable[[int, Path], Mapping[str, str]] = lambda _port, _folder: {},
    log: Path | None = None,
) -> Iterator[str]:
    """Yield the address of a server once it gives any response to a GET of `path`, and end it with the block.

    `command` and `variables` are given the port and an empty folder that goes with it. `log` stays after the block.
    Raises RuntimeError with the end of what it printed.
    """
    with contextlib.ExitStack() as running:
        for _ in range(TRIES - 1):
            with contextlib.suppress(_EndedError):
                yield running.enter_context(_one_try(title, command, variables, path, log))
                return
        yield running.enter_context(_one_try(title, command, variables, path, log))


@contextmanager
def _one_try(
    title: str,
    command: Callable[[int, Path], Sequence[str]],
    variables: Callable[[int, Path], Mapping[str, str]],
    path: str,
    log: Path | None,
) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="token-broker-companion-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        log = log or folder / "output.log"
        inherited = {name: value for name, value in environment.base().items() if not name.startswith(_DROPPED)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.reference.supervisor", *command(port, folder)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited, **variables(port, folder)},
                cwd=PROJECT,
                start_new_session=True,  # a Ctrl-C is for the tests, which then end it
            )
            try:
                _wait(title, process, f"http://127.0.0.1:{port}{path}", log)
                yield f"http://127.0.0.1:{port}"
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(ENDED_WITHIN)


def _wait(title: str, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + READY_WITHIN
    while not _answers(url):
        if process.poll() is not None:
            raise _EndedError(f"{title} ended while it started:\n{_last_lines(log)}")
        if time.monotonic() > end:
            raise RuntimeError(f"{title} did not answer within {READY_WITHIN:.0f} s:\n{_last_lines(log)}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with _NO_PROXY.open(url, timeout=2):
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except OSError:
        return False


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
