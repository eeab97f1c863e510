"""Run `python -m sandbox.fault_proxy --ready-file PATH`: serve until SIGTERM or SIGINT.

When both ports listen, PATH contains {"pid","url","control"}. It is removed at the end.
"""

import argparse
import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from sandbox.background.state import write_privately
from sandbox.fault_proxy.server import running_fault_proxy


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.fault_proxy", description="The fault proxy.")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when both ports listen")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with running_fault_proxy() as addresses:
        write_privately(arguments.ready_file, {"pid": os.getpid(), **asdict(addresses)})
        try:
            stop.wait()
        finally:
            arguments.ready_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
