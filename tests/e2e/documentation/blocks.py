"""The fenced blocks of the pages, and what their comments tell the tests.

    <!-- not run: reason -->    on the line before a block of commands: it is not run
    <!-- before: commands -->   before it: what the tests do first, such as opening the account that a reader has
    signed "$API/…" # 404       in it: the status that a request must get; another status from 400 on is a failure

A block `json`, or one without a language, that follows directly shows the output.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("docs/tutorials", "docs/how-to")
COMMANDS = ("sh", "python")
_PART = re.compile(
    r"^ *<!-- (?P<directive>not run|before):(?P<said>.*?)-->\n"
    r"|^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```\n",
    re.MULTILINE | re.DOTALL,
)
_STATUS = re.compile(r"#\s*([2-5]\d\d)\b")


@dataclass
class Block:
    """`reason` says why the commands are not run, or is None. `outputs` are the blocks with their output."""

    line: int
    language: str
    text: str
    before: str = ""
    reason: str | None = None
    outputs: list["Block"] = field(default_factory=list)

    @property
    def statuses(self) -> set[str]:
        """Return the HTTP statuses that the comments name."""
        return set(_STATUS.findall(self.text))


def pages() -> list[str]:
    """Return the pages with commands for a reader."""
    found = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).glob("*.md")]
    return ["README.md", *sorted(found)]


def blocks_of(text: str) -> list[Block]:
    """Return a page's blocks. Raises ValueError for a `not run` that is not on the line before commands."""
    found: list[Block] = []
    before, reason, end = "", None, 0
    for part in _PART.finditer(text):
        line, between, end = text.count("\n", 0, part.start()) + 1, text[end : part.start()], part.end()
        if reason is not None and (between or part["language"] not in COMMANDS):
            raise ValueError(f"line {line}: this is not the line before a block of commands")
        if part["directive"] == "not run":
            reason = part["said"].strip()
        elif part["directive"]:
            before += f"{part['said'].strip()}\n"
        else:
            body = re.sub(f"^{part['indent']}", "", part["text"], flags=re.MULTILINE)
            block = Block(line, part["language"], body)
            if block.language in COMMANDS:
                block.before, block.reason, before, reason = before, reason, "", None
            elif block.language in ("", "json") and found and not between.strip():
                found[-1].outputs.append(block)
            found.append(block)
    return found


def commands_of(page: str) -> list[Block]:
    """Return the blocks of a page that hold commands."""
    return [block for block in blocks_of((ROOT / page).read_text()) if block.language in COMMANDS]
