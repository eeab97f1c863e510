"""Wait for a lock, then become a command: one_at_a_time.py LOCK COMMAND….

All processes that the command starts hold the lock, too. It runs on any Python 3.13, before anything is installed.
"""

import fcntl
import os
import signal
import sys
import time

#: Seconds. On a slow network an install takes minutes.
MAX_WAIT = 900.0


def main() -> None:
    path, *command = sys.argv[1:]
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    os.set_inheritable(lock, True)
    deadline, told = time.monotonic() + MAX_WAIT, False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would inherit that
            os.execvp(command[0], command)  # noqa: S606  # the caller's own command
        if not told:
            sys.stderr.write("Another command is installing the same environment. This command is waiting for it.\n")
            told = True
        if time.monotonic() > deadline:
            sys.exit(f"Another command has held {path} for {MAX_WAIT / 60:.0f} minutes. Stop it, then try again.")
        time.sleep(0.2)


main()
