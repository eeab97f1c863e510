"""`python -m tests.reference.supervisor COMMAND…` runs a command until its own standard input ends.

A pipe ends when whoever holds its other end is gone, however they went: nothing outlives the tests.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

#: Seconds that the command has to end by itself.
GRACE = 5.0


def main() -> None:
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_follow, args=(process,), daemon=True).start()
    sys.stdin.buffer.read()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its children, too


def _follow(process: subprocess.Popen[bytes]) -> None:
    """End this process when the command ends."""
    os._exit(abs(process.wait()))


if __name__ == "__main__":
    main()
