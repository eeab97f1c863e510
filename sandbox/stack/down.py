"""`make down`: stop what `make up` started, whatever became of it, and throw its data away."""

import shutil

from sandbox.background import processes
from sandbox.background.servers import fault_proxy, simulators, storefront
from sandbox.background.state import State, locked
from sandbox.local_aws import emulator
from sandbox.settings import Settings
from sandbox.stack.progress import Progress

#: A `make up` that still runs is waited for, but not for ever.
_BUSY_AFTER = 10.0


def take_down(settings: Settings, progress: Progress) -> None:
    """Stop the stack's processes and remove its files; logs stay. Harmless when nothing runs. Raises StackError."""
    if not settings.state_dir.exists():
        progress.say("Nothing runs here.")
        return
    busy = "A `make up` is at work in this folder: stop it (Ctrl-C) and run `make down` again."
    with locked(settings.state_dir / "lock", busy=busy, seconds=_BUSY_AFTER):
        recorded = State(settings.state_file).processes().values()
        stopped = [processes.stop(identity) for identity in recorded]
        # What no record tells of: started by a command that was killed, or orphaned by a killed emulator.
        servers = (simulators(settings), storefront(settings), fault_proxy(settings))
        marks = [emulator.mark(settings), emulator.worker_mark(settings), *(server.mark for server in servers)]
        left = processes.stop_marked(marks)
        files = (settings.stack_file, settings.state_file, *(server.ready_file for server in servers))
        for path in files:
            path.unlink(missing_ok=True)
        shutil.rmtree(settings.scratch, ignore_errors=True)
    if any(stopped) or left:
        progress.say("[green]✓[/] The local stack is stopped and its data thrown away.")
    else:
        progress.say("Nothing runs here; what was left of an earlier stack is removed.")
