"""Run `python -m sandbox.storefront --ready-file PATH --stack-folder PATH`: serve the shop until SIGTERM or SIGINT.

When it listens, the ready file contains {"pid","url"}. It is removed at the end. The exit status is 0 after a signal.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.storefront.server import running_storefront


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.storefront", description="The demo storefront.")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when the shop is open")
    parser.add_argument("--stack-folder", type=Path, required=True, help="where the stack's stack.json is")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with running_storefront(arguments.stack_folder) as url:
        _write_ready_file(arguments.ready_file, url)
        try:
            stop.wait()
        finally:
            arguments.ready_file.unlink(missing_ok=True)
    return 0


def _write_ready_file(path: Path, url: str) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({"pid": os.getpid(), "url": url}) + "\n")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
