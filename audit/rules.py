"""Check the expanded template by the rules of checkov and cfn-lint: `python -m audit.rules`.

In template.yaml, a loop is one entry, and SAM's resources are not yet CloudFormation's. So both read the expanded
template. `accepted.toml` lists the findings that are accepted, each with its reason. Every other finding is a problem.
So is an entry that no finding needs, and a resource that checkov did not see.
"""

import json
import logging
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from audit.tools import PYTHON, AuditError, json_of
from sandbox.settings import PROJECT
from sandbox.stack.expansion import transform

ACCEPTED = Path(__file__).with_name("accepted.toml")
_LIMIT = 300


class Finding(NamedTuple):
    """One rule that one place of the template breaks.

    `place` is `AWS::SQS::Queue.WorkQueue` for checkov and `Resources/WorkQueue/Properties` for cfn-lint.
    """

    tool: str
    rule: str
    place: str
    text: str = ""


class Acceptance(NamedTuple):
    """A rule that some places may break. `place` is a pattern with `*`."""

    tool: str
    rule: str
    place: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return (finding.tool, finding.rule) == (self.tool, self.rule) and fnmatchcase(finding.place, self.place)


def read_accepted(path: Path) -> list[Acceptance]:
    """Return the accepted findings. An entry without one of the fields raises `TypeError`."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Acceptance(tool=tool, **entry) for tool, entries in tables.items() for entry in entries]


def problems(findings: Iterable[Finding], accepted: Sequence[Acceptance]) -> Iterator[str]:
    """Yield a sentence for each finding that is not accepted, and for each acceptance without a finding."""
    needless = list(accepted)
    for finding in findings:
        covering = [each for each in accepted if each.covers(finding)]
        needless = [each for each in needless if each not in covering]
        if not covering:
            yield f"{finding.tool} {finding.rule} at {finding.place}: {finding.text}"
    for each in needless:
        yield f"Nothing breaks {each.tool} {each.rule} at {each.place}. Remove it from {ACCEPTED.name}."


def checkov_findings(report: Mapping[str, Any]) -> list[Finding]:
    failed = report["results"]["failed_checks"]
    return [Finding("checkov", each["check_id"], each["resource"], each["check_name"]) for each in failed]


def lint_findings(report: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [
        Finding("cfn-lint", each["Rule"]["Id"], "/".join(map(str, each["Location"]["Path"])), each["Message"])
        for each in report
    ]


def unseen(report: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each resource that checkov did not see.

    Its own count contains resources that it read and did not check. So, where checkov has a check for a resource's
    type, each resource of that type must have a result.
    """
    counted = report["summary"]["resource_count"]
    if counted < len(resources):
        yield f"checkov read {counted} of {len(resources)} resources."
    checked = {each["resource"] for kind in ("passed_checks", "failed_checks") for each in report["results"][kind]}
    types = {name.partition(".")[0] for name in checked}
    for name, resource in resources.items():
        if resource["Type"] in types and f"{resource['Type']}.{name}" not in checked:
            yield f"checkov did not check {name}."


def without_conditions(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template with every resource that a stack can have.

    checkov does not check a resource that the parameters' defaults leave out.
    """
    resources = {
        name: {key: value for key, value in resource.items() if key != "Condition"}
        for name, resource in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def _written(template: Mapping[str, Any], path: Path) -> Path:
    path.write_text(json.dumps(template, indent=1), encoding="utf-8")
    return path


def _checkov(template: Mapping[str, Any], folder: Path) -> Any:
    """Return checkov's report. `--skip-download` and the missing key keep it from the network."""
    file = _written(without_conditions(template), folder / "unconditional.json")
    options = ("--framework", "cloudformation", "--skip-download", "--output", "json")
    report = json_of("checkov", [PYTHON, "-m", "checkov.main", "--file", str(file), *options], folder, _LIMIT)
    if "results" not in report:
        raise AuditError("checkov could not read the template.")
    return report


def _lint(template: Mapping[str, Any], folder: Path) -> Any:
    """Return cfn-lint's report, with its informational rules."""
    file = _written(template, folder / "expanded.json")
    command = str(Path(sys.executable).with_name("cfn-lint"))
    options = ("--include-checks", "I", "--format", "json")
    return json_of("cfn-lint", [sys.executable, command, "--template", str(file), *options], folder, _LIMIT)


def main() -> int:
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # It warns of a switch that it cannot download.
    template = transform(PROJECT / "template.yaml")
    resources = template["Resources"]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as both:
        started = [both.submit(tool, template, Path(folder)) for tool in (_checkov, _lint)]
        try:
            checkov, lint = (each.result() for each in started)
        except AuditError as failed:
            print(f"✗ {failed}")
            return 1
    findings = [*checkov_findings(checkov), *lint_findings(lint)]
    accepted = read_accepted(ACCEPTED)
    wrong = [*unseen(checkov, resources), *problems(findings, accepted)]
    for sentence in wrong:
        print(f"✗ {sentence}")
    counted, passed = checkov["summary"]["resource_count"], checkov["summary"]["passed"]
    print(f"checkov read {counted} of {len(resources)} resources. {passed} checks passed.")
    print(f"checkov and cfn-lint have {len(findings)} findings. {len(accepted)} entries accept them with a reason.")
    print(f"{len(wrong)} problems.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
