"""docs/tutorials/add-a-provider.md, done: a provider that does not exist is added to a copy of this tree and works.

What that takes is held to the page: files of its own, and lines in three others. No line is changed or taken away.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fourth_provider import ROOT, Touched, add_the_provider, copy_of_the_tree, touched

LAYER = "layers/token_broker/token_broker"
PAGE = ROOT / "docs/tutorials/add-a-provider.md"
#: What holds every provider to something, each with cases of this one.
WITH_ITS_CASES = (
    *("tests/unit/entrypoints/test_functions.py", "tests/contract/test_client_exchanges.py"),
    *("tests/contract/test_simulator_exchanges.py", "tests/integration/providers/test_examplecart.py"),
    *("tests/integration/entrypoints/test_sample_events.py", "tests/integration/entrypoints/test_no_leaks.py"),
)
#: What compares the providers with the template and the pages.
TABLES = (
    *(f"tests/unit/repository/test_{name}.py" for name in ("template", "pages", "architecture", "metrics_shown")),
    *(
        f"tests/unit/repository/test_{name}.py"
        for name in ("alarms", "logs", "descriptors", "reference", "stack_description")
    ),
    "tests/unit/providers/test_capabilities.py",
    "tests/unit/contract_document",
)
#: One process, and nothing written beside the tests.
PLAIN = ("-p", "no:cacheprovider", "-p", "no:xdist")
#: Seconds for one command in the copy, on a machine that has other things to do.
LIMIT = 240


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this tree with the fourth provider added."""
    folder = tmp_path_factory.mktemp("fourth") / "token-broker"
    copy_of_the_tree(folder)
    add_the_provider(folder)
    return folder


def run(tree: Path, *arguments: str) -> str:
    """Run a Python module in the copy as `make` does. Raises AssertionError if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON", "COV_"))}
    sources = (str(Path(LAYER).parent), "functions/storefronts/proof_authorizer", "clients/python/src")
    path = os.pathsep.join(sources)
    ended = subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=tree,
        env={**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def difference(tmp_path_factory: pytest.TempPathFactory) -> list[Touched]:
    before, after = (tmp_path_factory.mktemp("trees") / name for name in ("before", "after"))
    copy_of_the_tree(before)
    copy_of_the_tree(after)
    add_the_provider(after)
    return touched(before, after)


def test_nothing_is_changed_or_taken_away(difference: list[Touched]) -> None:
    assert difference
    assert [each.path for each in difference if each.removed] == []


def test_three_existing_files_are_edited_and_a_page_is_made_again(difference: list[Touched]) -> None:
    edited = {f"{LAYER}/wiring.py", "template.yaml", "docs/reference/openapi.yaml"}
    assert {each.path for each in difference if not each.new} == edited | {"docs/reference/routes.md"}


def test_the_page_lists_what_was_touched_and_nothing_else(difference: list[Touched]) -> None:
    table = PAGE.read_text().partition("## What is touched")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (new|edited) \|", table, re.MULTILINE)
    found = {each.path: "new" if each.new else "edited" for each in difference}

    assert dict(rows) == found
    assert len(rows) == len(found)


def test_its_code_is_in_the_house_style_and_its_imports_point_one_way(tree: Path) -> None:
    sources = ("functions", LAYER, "reference_pages", "sandbox", "tests")
    run(tree, "-m", "ruff", "check", "--no-cache", *sources)
    run(tree, "-m", "ruff", "format", "--no-cache", "--check", *sources)
    linter = str(Path(sys.executable).with_name("lint-imports"))

    assert "Providers never import each other KEPT" in run(tree, linter, "--no-logo", "--no-cache")


def test_its_types_fit_the_ports(tree: Path, tmp_path: Path) -> None:
    files = [
        f"{LAYER}/wiring.py",
        "functions/examplecart/storefront_key/app.py",
        "sandbox/simulators/examplecart/simulator.py",
        "tests/providers/examplecart.py",
    ]

    run(tree, "-m", "mypy", "--cache-dir", str(tmp_path), *files)


def test_cloudformation_takes_its_block(tree: Path) -> None:
    run(tree, str(Path(sys.executable).with_name("cfn-lint")), "template.yaml")


def test_it_issues_tokens_over_real_http_and_every_test_that_holds_a_provider_to_something_holds_it(tree: Path) -> None:
    """Run the tests that cover every provider, for the new provider.

    They check the tables of the tests, the pages and the diagram. They replay its exchanges with the client and the
    simulator, and call its functions over the table.
    """
    wanted = "(examplecart or repository or contract_document or every_function) and not (does_wrong or killed)"

    said = run(tree, "-m", "pytest", "-v", *PLAIN, "-k", wanted, *TABLES, *WITH_ITS_CASES)

    passed = [line for line in said.splitlines() if "PASSED" in line and "examplecart" in line]
    assert [name for name in WITH_ITS_CASES if not any(name in line for line in passed)] == []
