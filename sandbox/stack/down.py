"""Stop the processes of `make up`, even after a crash, and remove its data (`make down`)."""

import shutil

from sandbox.background import processes
from sandbox.background.servers import fault_proxy, simulators, storefront
from sandbox.background.state import State, locked
from sandbox.local_aws import emulator
from sandbox.settings import Settings
from sandbox.stack.progress import Progress

#: Seconds to wait for a running `make up`.
_BUSY_AFTER = 10.0


def take_down(settings: Settings, progress: Progress) -> None:
    """Stop the stack's processes and remove its files, except the logs.

    Does nothing if no process runs. Raises `StackError`.
    """
    if not settings.state_dir.exists():
        progress.say("Nothing runs here.")
        return
    busy = "A `make up` is running in this folder. Stop it (Ctrl-C) and run `make down` again."
    with locked(settings.state_dir / "lock", busy=busy, seconds=_BUSY_AFTER):
        recorded = State(settings.state_file).processes().values()
        stopped = [processes.stop(identity) for identity in recorded]
        # These have no record: a killed command started them, or a killed emulator left them.
        servers = (simulators(settings), storefront(settings), fault_proxy(settings))
        marks = [emulator.mark(settings), emulator.worker_mark(settings), *(server.mark for server in servers)]
        unrecorded = processes.stop_marked(marks)
        files = (settings.stack_file, settings.state_file, *(server.ready_file for server in servers))
        for path in files:
            path.unlink(missing_ok=True)
        shutil.rmtree(settings.scratch, ignore_errors=True)
    if any(stopped) or unrecorded:
        progress.say("[green]✓[/] The local stack is stopped and its data is removed.")
    else:
        progress.say("Nothing runs here. The files of an earlier stack are removed.")
