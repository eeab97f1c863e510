"""Run `python -m sandbox.demo.picture FILE`, as `make demo-picture` does: write a part of the demo to an SVG file."""

import io
import os
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from sandbox.demo.scenes import Scenes
from sandbox.demo.transcript import Transcript
from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient

#: Characters in a line.
WIDTH = 112


def main() -> int:
    stack = Stack.read(Path(os.environ.get("TOKEN_BROKER_STATE_DIR") or ".local"))
    if stack.control_url is None:
        sys.exit("This stack uses your own providers, not the simulators.")
    control = ControlClient(stack.control_url)
    control.forget_requests()
    console = Console(width=WIDTH, record=True, file=io.StringIO())
    Scenes(stack, control, Transcript(console)).play_a_selection()
    drawn = console.export_svg(title="make demo", theme=MONOKAI, unique_id="demo")
    # Rich names web fonts, which a picture on a page may not load. The viewer's own monospaced font is as good.
    Path(sys.argv[1]).write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL))
    return 0


if __name__ == "__main__":
    sys.exit(main())
