"""Change one module of the layer in small ways, each in turn, and run the tests that must notice.

    python -m tests.mutation aws/store/leases

The tool is mutmut. It wants the package in a folder `src` beside the tests, so it gets a copy of the project that is
so, in `.local/mutation/`. Fails where a change went unnoticed that `explained.py` does not know. Lines that are a
sentence for people are left as they are: a better wording should not need a change of a test.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutation.equivalent import EXPLAINED
from tests.mutation.plan import PLAN
from tests.mutation.results import Verdicts, verdicts_of

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


def mutated(module: str) -> Verdicts:
    """Return the result of each change to the module."""
    folder = arranged(module)
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", "1"], cwd=folder, check=True, timeout=LONGEST
    )
    return verdicts_of(folder, module)


def main(modules: list[str]) -> None:
    """Report the results and exit with 1 if a change was neither noticed nor explained."""
    if not modules or not set(modules) <= set(PLAN):
        sys.exit("Say which module: make mutation MODULE=… with one of " + ", ".join(sorted(PLAN)))
    unexplained = 0
    for module in modules:
        verdicts = mutated(module)
        explained = [each for each in verdicts.unnoticed if each.change in EXPLAINED.get(module, {})]
        left = [each for each in verdicts.unnoticed if each not in explained]
        for each in left:
            sys.stdout.write(f"\nUnnoticed in {each.function}:\n{each.change}\n")
        counts = f"{verdicts.total - len(verdicts.unnoticed)} noticed, {len(explained)} explained, {len(left)} neither"
        sys.stdout.write(f"\n{module}: {verdicts.total} changes, {counts}\n")
        unexplained += len(left)
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
