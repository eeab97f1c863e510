"""Run `python -m sandbox.simulators --ready-file PATH`: serve until SIGTERM or SIGINT.

When all ports listen, PATH contains the process's "pid" and the address of each service and of "control". It is removed
at the end. The exit status is 0 after a signal. It is 1 if a descriptor is wrong, a service cannot be made, a port is
busy or PATH cannot be written.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.errors import StackError
from sandbox.simulators.descriptor import simulators
from sandbox.simulators.server import Addresses, PortBusyError, running_simulators


def main() -> int:
    try:
        return _serve(_arguments([*simulators(), "control"]))
    except (PortBusyError, StackError) as fault:
        sys.stderr.write(f"{fault}\n")
    except OSError as fault:
        sys.stderr.write(f"The ready file can't be written: {fault}\n")
    return 1


def _arguments(names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulators", description="Provider simulators.")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when all ports listen")
    for name in names:
        parser.add_argument(f"--{name}-port", type=_port, default=0, metavar="N", help="default: a free port")
    return parser.parse_args()


def _serve(arguments: argparse.Namespace) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ports = {name.removesuffix("_port"): port for name, port in vars(arguments).items() if name != "ready_file"}
    with running_simulators(ports) as addresses:
        _write_ready_file(arguments.ready_file, addresses)
        try:
            stop.wait()
        finally:
            arguments.ready_file.unlink(missing_ok=True)
    return 0


def _write_ready_file(path: Path, addresses: Addresses) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({"pid": os.getpid(), **addresses}) + "\n")
    unfinished.replace(path)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


if __name__ == "__main__":
    sys.exit(main())
