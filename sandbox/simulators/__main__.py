"""Run `python -m sandbox.simulators --ready-file PATH`: serve until SIGTERM or SIGINT.

When all ports listen, PATH contains {"pid","fourthwall","chicksx","shopify","issuer","control"}. It is removed at the
end. The exit status is 0 after a signal, and 1 if a port is busy or PATH cannot be written.
"""

import argparse
import json
import os
import signal
import sys
import threading
from dataclasses import asdict, fields
from pathlib import Path

from sandbox.simulators.server import Addresses, PortBusyError, Ports, running_simulators


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulators", description="Provider simulators.")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when all ports listen")
    names = [port.name for port in fields(Ports)]
    for name in names:
        parser.add_argument(f"--{name}-port", type=_port, default=0, metavar="N", help="default: a free port")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ports = Ports(**{name: getattr(arguments, f"{name}_port") for name in names})
    try:
        with running_simulators(ports) as addresses:
            _write_ready_file(arguments.ready_file, addresses)
            try:
                stop.wait()
            finally:
                arguments.ready_file.unlink(missing_ok=True)
    except PortBusyError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    except OSError as fault:
        sys.stderr.write(f"The ready file can't be written: {fault}\n")
        return 1
    return 0


def _write_ready_file(path: Path, addresses: Addresses) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({"pid": os.getpid(), **asdict(addresses)}) + "\n")
    unfinished.replace(path)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


if __name__ == "__main__":
    sys.exit(main())
