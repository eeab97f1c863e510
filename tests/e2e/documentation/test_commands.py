"""The commands of the README, the tutorials and the how-to pages do what the pages say, on the local stack."""

import json
import re
import secrets
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.local_stack import Stack
from tests.e2e.documentation.blocks import ROOT, Block, blocks_of, commands_of, pages
from tests.e2e.documentation.outputs import shows
from tests.e2e.documentation.shell import run
from tests.e2e.support.storefronts import Shops

#: Its first two blocks set the variables and define `signed`, which the other pages use.
CALL_IT = "docs/how-to/call-from-a-backend.md"


def test_at_most_a_quarter_of_the_commands_is_not_run(record_property: Callable[[str, object], None]) -> None:
    blocks = [block for page in pages() for block in commands_of(page)]
    not_run = [block for block in blocks if block.reason is not None]
    record_property("summary", f"Commands in the pages: {len(blocks) - len(not_run)} run, {len(not_run)} not run")

    assert all(block.reason for block in not_run), "a comment gives no reason"
    assert len(not_run) <= len(blocks) / 4


@pytest.mark.parametrize("page", pages())
def test_json_can_be_read(page: str) -> None:
    for block in blocks_of((ROOT / page).read_text()):
        if block.language == "json":
            json.loads(block.text)


def test_the_programs_that_the_pages_use_are_installed() -> None:
    assert [name for name in ("bash", "curl", "openssl") if shutil.which(name) is None] == [], "install these"


@pytest.mark.parametrize("page", [page for page in pages() if any(not each.reason for each in commands_of(page))])
def test_the_commands_of_a_page_work(page: str, stack: Stack, shops: Shops, tmp_path: Path) -> None:
    own = _names_of_its_own(stack, shops)
    blocks = [_with(own, block) for block in commands_of(page) if block.reason is None]
    preset = [] if page == CALL_IT else commands_of(CALL_IT)[:2]

    tried = run(tmp_path, stack.folder, preset, blocks)

    for block, seen in zip(blocks, tried, strict=True):
        where = f"{page}:{block.line}: {seen.statuses}\n{block.text}\n{seen.output[-2000:]}\n{seen.errors[-2000:]}"
        unexpected = {status for status in seen.statuses if status >= "400"} - block.statuses
        assert seen.ended_well, f"a command failed: {where}"
        assert not unexpected, f"unexpected {unexpected}: {where}"
        assert block.statuses <= set(seen.statuses), f"expected {block.statuses}: {where}"
        for output in block.outputs:
            assert shows(output.text, output.language, seen.output), f"not as line {output.line} shows: {where}"


def _names_of_its_own(stack: Stack, shops: Shops) -> dict[str, str]:
    """Return what to write in place of names, so that a page meets no other: `demo` exists, `acme` does not yet."""
    demo = shops.open(origins=[stack.described["storefrontUrl"]]).name
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    suffix = secrets.token_hex(3)
    return {
        r"\bacme\b": f"acme-{suffix}",
        r"\bmy-app\b": f"my-app-{suffix}",
        r"\bcheckout-1\b": f"checkout-{suffix}",
        r"(?<!sandbox[./])\bdemo\b(?!-)": demo,
        r"\blocalhost:8000\b": f"localhost:{port}",
        r"\b8000\)": f"{port})",
    }


def _with(names: dict[str, str], block: Block) -> Block:
    def written(text: str) -> str:
        for pattern, name in names.items():
            text = re.sub(pattern, name, text)
        return text

    outputs = [replace(output, text=written(output.text)) for output in block.outputs]
    return replace(block, text=written(block.text), before=written(block.before), outputs=outputs)
