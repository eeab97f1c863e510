"""Change one module of the layer in small ways, each in turn, and run the tests that must notice.

    python -m tests.mutation aws/store/leases

The tool is mutmut. It wants the package in a folder `src` beside the tests, so it gets a copy of the project that is
so, in `.local/mutation/`. Fails where a change went unnoticed that `equivalent.py` does not know. Lines that are a
sentence for people are left as they are: a better wording should not need a change of a test.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.mutation.equivalent import EXPLAINED
from tests.mutation.plan import PLAN

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers/token_broker/token_broker"
COPIED = ("tests", "functions", "events", "sandbox", "docs", "template.yaml")
CONFIGURATION = """\
[tool.pytest.ini_options]
addopts = ["--import-mode=importlib", "--strict-config", "--strict-markers", "-p", "no:cacheprovider", "-p", "no:xdist"]
pythonpath = [".", "src", "functions/storefronts/proof_authorizer"]
filterwarnings = ["error"]

[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/token_broker/{module}.py"]
also_copy = {copied}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-k", "not local-aws and not dynamodb-local"]
track_dependencies = false
use_git_change_detection = false
do_not_mutate_patterns = [{sentences}]
"""
#: A line that is nothing but words, at least three, in quotes, the first of which may be a name in quotes of its own
#: (`\x27`, since TOML ends the pattern at a bare one) and the second a header's; and one that makes an error of them.
SENTENCE = (
    r"""'^\s*((raise|return|\w+ =) \w+\(f?|detail = |f)?"([A-Z][a-z]*|[a-z]+|\x27[\w{}]+\x27) """
    r"""([a-z]+|[A-Z]\w+-\w+) [^"#:=]*"'"""
)
#: Seconds for one module, however many changes it allows.
LONGEST = 3600
#: Exit codes that mutmut writes down: pytest's for a failed test and for one that broke it, and those of runs that were
#: ended because they took far too long.
NOTICED = (1, 3, 24, -24, 36, 152, 255)
#: Every test passed; there was no test to run.
UNNOTICED = (0, 5, 33)


class Unnoticed(NamedTuple):
    """A change that every test put up with. `change` has the lines as they were (-) and as they became (+)."""

    function: str
    change: str


def tests_of(module: str) -> list[str]:
    """The files that the plan's patterns name."""
    files = sorted({path.relative_to(ROOT).as_posix() for pattern in PLAN[module] for path in ROOT.glob(pattern)})
    assert files, f"no test is planned for {module}"
    return files


def arranged(module: str) -> Path:
    """Make a new copy of the project as the tool needs it."""
    folder = ROOT / ".local/mutation" / module.replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(LAYER, folder / "src/token_broker", ignore=no_bytecode)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=no_bytecode)
        else:
            shutil.copy2(source, folder / name)
    configuration = CONFIGURATION.format(
        module=module, copied=json.dumps(list(COPIED)), tests=json.dumps(tests_of(module)), sentences=SENTENCE
    )
    (folder / "pyproject.toml").write_text(configuration, encoding="utf-8")
    return folder


def mutated(module: str) -> tuple[int, list[Unnoticed]]:
    """Return the number of changes to the module, and those that every test put up with.

    Raises AssertionError where a change was not tried to its end.
    """
    folder = arranged(module)
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", "1"], cwd=folder, check=True, timeout=LONGEST
    )
    meta = folder / "mutants/src/token_broker" / f"{module}.py.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    assert codes, f"mutmut found nothing to change in {module}"
    untried = [name for name, code in codes.items() if code not in NOTICED + UNNOTICED]
    assert not untried, f"mutmut did not try {untried}"
    return len(codes), [shown(folder, name) for name, code in codes.items() if code in UNNOTICED]


def shown(folder: Path, name: str) -> Unnoticed:
    command = [sys.executable, "-m", "mutmut", "show", name]
    printed = subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True, text=True).stdout
    lines = [line for line in printed.splitlines() if line[:1] in ("-", "+") and line[:3] not in ("---", "+++")]
    function = name.rpartition(".")[2].partition("__mutmut_")[0].lstrip("x").strip("_ǁ").replace("ǁ", ".")
    return Unnoticed(function, "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines))


def main(modules: list[str]) -> None:
    """Report the results and exit with 1 if a change was neither noticed nor explained."""
    if not modules or not set(modules) <= set(PLAN):
        sys.exit("Say which module: make mutation MODULE=… with one of " + ", ".join(sorted(PLAN)))
    unexplained = 0
    for module in modules:
        total, unnoticed = mutated(module)
        explained = [each for each in unnoticed if each.change in EXPLAINED.get(module, {})]
        left = [each for each in unnoticed if each not in explained]
        for each in left:
            sys.stdout.write(f"\nUnnoticed in {each.function}:\n{each.change}\n")
        counts = f"{total - len(unnoticed)} noticed, {len(explained)} explained, {len(left)} neither"
        sys.stdout.write(f"\n{module}: {total} changes, {counts}\n")
        unexplained += len(left)
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
