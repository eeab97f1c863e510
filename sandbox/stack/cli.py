"""Run the commands.

The exit status is 0 for success, 1 for a failure that a sentence explains, and 130 after an interrupt.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sandbox.errors import StackError
from sandbox.settings import Settings, read_settings
from sandbox.stack.build import AWS, THIS_MACHINE
from sandbox.stack.down import take_down
from sandbox.stack.progress import Progress
from sandbox.stack.up import bring_up, build_only, validate


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description="The local stack.")
    parser.add_argument("command", choices=("up", "down", "build", "build-here", "validate"))
    parser.add_argument("--state-dir", type=Path, help="the folder for the stack's own files (default: .local)")
    chosen = parser.parse_args(arguments)
    progress = Progress(Console(highlight=False))
    try:
        settings = read_settings(os.environ, chosen.state_dir)
        _run(chosen.command, settings, progress)
    except StackError as fault:
        errors = Console(stderr=True, highlight=False)
        errors.print(f"[red]✗[/] {escape(str(fault))}", soft_wrap=True)
        if fault.log is not None:
            errors.print(f"  Log: {escape(str(fault.log))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. `make up` continues from here, `make down` cleans up.\n")
        return 130
    return 0


def _run(command: str, settings: Settings, progress: Progress) -> None:
    if command == "build":
        build_only(settings, progress, AWS)
    elif command == "build-here":
        build_only(settings, progress, THIS_MACHINE)
    elif command == "validate":
        validate(settings, progress)
    elif command == "down":
        take_down(settings, progress)
    else:
        stack = bring_up(settings, progress)
        progress.say(f"\nThe API:  [bold]{escape(stack['apiUrl'])}[/]  (signed requests; pages by trust policies)")
        if "storefrontUrl" in stack:
            progress.say(f"A shop:   {escape(stack['storefrontUrl'])}")
        progress.say(f"Details:  {escape(str(settings.stack_file))}\nStop it:  make down")
