"""Ask for known vulnerabilities of the packages that ship: `python -m audit.vulnerabilities`.

The data is PyPI's, so this needs the network. Without the data, it prints a warning and succeeds. It fails for a
vulnerability that it finds.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from audit.packages import artifacts
from audit.tools import PYTHON, AuditError, json_of

#: A release with vulnerabilities that were published years ago. A source that does not report them has no data.
CANARY = "pyyaml"
_CANARY_PIN = f"{CANARY}==5.3 --hash=sha256:{'0' * 64}\n"
_LIMIT = 120
#: How pip-audit's last line says that PyPI did not answer.
_UNREACHABLE = ("ConnectionError", "Timeout", "ServiceError")


class Answer(NamedTuple):
    """What a source knows: vulnerabilities as sentences, and the packages that it does not know.

    `reached` says whether the source has any data.
    """

    found: list[str]
    unknown: list[str]
    reached: bool


def read(report: Mapping[str, Any]) -> Answer:
    """Return what pip-audit's report says.

    pip-audit finds no vulnerability, and succeeds, where a mirror of PyPI has packages without their vulnerabilities.
    """
    packages = [each for each in report["dependencies"] if each["name"] != CANARY]
    found = [
        f"{each['name']} {each['version']} has {one['id']}, fixed in {', '.join(one['fix_versions']) or 'no version'}."
        for each in packages
        for one in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in packages if "vulns" not in each]
    return Answer(found, unknown, any(each["name"] == CANARY and each.get("vulns") for each in report["dependencies"]))


def ask() -> Answer:
    """Return the answer for every artifact's packages. Raises `AuditError` if pip-audit itself fails."""
    with tempfile.TemporaryDirectory() as name:
        canary = Path(name, "canary.txt")
        canary.write_text(_CANARY_PIN, encoding="utf-8")
        files = [str(path) for path in (canary, *(each.requirements for each in artifacts()))]
        # Every version is pinned, so pip need not resolve or download anything.
        options = (
            "--disable-pip",
            "--require-hashes",
            "--progress-spinner",
            "off",
            "--timeout",
            "10",
            "--format",
            "json",
        )
        chosen = [argument for file in files for argument in ("--requirement", file)]
        try:
            return read(json_of("pip-audit", [PYTHON, "-m", "pip_audit", *options, *chosen], Path(name), _LIMIT))
        except AuditError as failed:
            if any(word in failed.cause for word in _UNREACHABLE):
                return Answer([], [], reached=False)
            raise


def main() -> int:
    try:
        answer = ask()
    except AuditError as failed:
        print(f"✗ {failed}")
        return 1
    for sentence in answer.found:
        print(f"✗ {sentence}")
    if not answer.reached:
        print(
            "WARNING: PyPI's vulnerability data cannot be reached, so no package was checked for known vulnerabilities."
        )
    elif answer.unknown:
        print(
            f"WARNING: PyPI does not know {', '.join(answer.unknown)}, so these were not checked for vulnerabilities."
        )
    else:
        print(f"PyPI knows {len(answer.found)} vulnerabilities of the packages that ship.")
    return 1 if answer.found else 0


if __name__ == "__main__":
    sys.exit(main())
