"""Run the emulator: `python -m sandbox.local_aws.emulator_process STATE_DIR RUNTIME_PYTHON`.

STATE_DIR marks the command line. `patches` corrects the emulator first.
"""

import importlib
import sys
import tempfile
from pathlib import Path

from sandbox.local_aws.patches import patches


def main() -> None:
    runtime_python = sys.argv[2]
    sys.argv[1:] = []
    for patch in patches(runtime_python, Path(tempfile.gettempdir()) / "unpacked"):
        patch.apply()
    importlib.import_module("ministack.app").main()


if __name__ == "__main__":
    main()
