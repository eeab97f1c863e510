"""What the tests of commands rely on: comments and outputs are read strictly."""

import pytest

from tests.e2e.documentation.blocks import blocks_of
from tests.e2e.documentation.outputs import shows


def test_a_block_has_its_reason_its_preparation_and_its_output() -> None:
    page = (
        "<!-- before: A=1 -->\n```sh\ncurl x # 404\n```\n```json\n{}\n```\n\n"
        "1. x\n\n   <!-- not run: why -->\n   ```sh\n   y\n   ```\n"
    )
    first, output, second = blocks_of(page)

    assert (first.before, first.reason, first.statuses, first.outputs) == ("A=1\n", None, {"404"}, [output])
    assert (second.text, second.before, second.reason) == ("y\n", "", "why")


@pytest.mark.parametrize("between", ["\n", "text\n", "```json\n{}\n```\n"])
def test_a_reason_stands_on_the_line_before_its_block(between: str) -> None:
    with pytest.raises(ValueError, match="not the line before"):
        blocks_of(f"<!-- not run: why -->\n{between}```sh\nx\n```\n")


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        ('{"id": "x1", "state": "done", "at": 5, "more": [{"n": null}]}', True),
        ('{"id": "x1", "state": "open", "at": 5, "more": [{"n": null}]}', False),
        ('{"id": "x1", "state": "done", "at": 5}', False),
        ('{"id": 1, "state": "done", "at": 5, "more": [{"n": null}]}', False),
        ('{"id": "x1", "state": "done", "at": 5, "more": []}', False),
    ],
)
def test_shown_json_has_the_printed_members_words_and_types(shown: str, right: bool) -> None:
    assert (
        shows(shown, "json", 'first\n{"a": 1}{"id": "y2", "state": "done", "at": 7, "more": [{"n": null}]}\n') is right
    )


def test_each_shown_line_is_printed() -> None:
    assert shows("held  one\nheld  …\n", "", "held  one\nheld  two\n")
    assert not shows("held  three\n", "", "held  one\n")
