"""Check the expanded template by the rules of checkov and cfn-lint: `python -m audit.rules`.

In template.yaml, a loop is one entry, and SAM's resources are not yet CloudFormation's. So both read the expanded
template. `accepted.toml` lists the findings that are accepted, each with its reason. Every other finding is a problem.
So is an entry that no finding needs, and a check that checkov made of some resources of a type and not of all.
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
#: The first branch of each `Fn::If`, then the second, so that each branch is checked in one of two stacks.
BRANCHES = (1, 2)
_NOTHING = {"Ref": "AWS::NoValue"}


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
    found = {Finding("checkov", each["check_id"], each["resource"], each["check_name"]) for each in failed}
    return sorted(found)


def lint_findings(report: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [
        Finding("cfn-lint", each["Rule"]["Id"], "/".join(map(str, each["Location"]["Path"])), each["Message"])
        for each in report
    ]


def unseen(report: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Return the checks that have no result for a resource, although they have one for another of its type.

    checkov counts each resource that it reads. It also passes over what it cannot read, and its report does not say so.
    """
    places = {f"{resource['Type']}.{name}" for name, resource in resources.items()}
    results = [each for kind in ("passed_checks", "failed_checks") for each in report["results"][kind]]
    found = {(each["file_path"], each["resource"], each["check_id"]) for each in results}
    checks = {(file, place.partition(".")[0], rule) for file, place, rule in found}
    missing = {
        Finding("unchecked", rule, place, "This check has no result.")
        for file, kind, rule in checks
        for place in places
        if place.partition(".")[0] == kind and (file, place, rule) not in found
    }
    return sorted(missing)


def decided(template: Mapping[str, Any], branch: int) -> dict[str, Any]:
    """Return the template with every resource, and with one branch (1 or 2) of each `Fn::If`.

    checkov does not check a resource that the parameters' defaults leave out, nor a policy with an `Fn::If`.
    """
    resources = {
        name: {key: _decided(value, branch) for key, value in resource.items() if key != "Condition"}
        for name, resource in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def _decided(value: Any, branch: int) -> Any:
    if isinstance(value, list):
        chosen = [_decided(each, branch) for each in value]
        return [each for each in chosen if each != _NOTHING]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Fn::If"}:
        return _decided(value["Fn::If"][branch], branch)
    members = {key: _decided(each, branch) for key, each in value.items()}
    return {key: each for key, each in members.items() if each != _NOTHING}


def _written(template: Mapping[str, Any], path: Path) -> Path:
    path.write_text(json.dumps(template, indent=1), encoding="utf-8")
    return path


def _checkov(template: Mapping[str, Any], folder: Path) -> Any:
    """Return checkov's report on both stacks of `BRANCHES`. `--skip-download` keeps it from the network."""
    files = [str(_written(decided(template, branch), folder / f"{branch}.json")) for branch in BRANCHES]
    options = ("--framework", "cloudformation", "--skip-download", "--output", "json")
    report = json_of("checkov", [PYTHON, "-m", "checkov.main", "--file", *files, *options], folder, _LIMIT)
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
    counted, expected = checkov["summary"]["resource_count"], len(BRANCHES) * len(resources)
    findings = [*checkov_findings(checkov), *unseen(checkov, resources), *lint_findings(lint)]
    accepted = read_accepted(ACCEPTED)
    wrong = list(problems(findings, accepted))
    if counted < expected:
        wrong.append(f"checkov read only {counted} of {expected} resources.")
    for sentence in wrong:
        print(f"✗ {sentence}")
    print(f"checkov read {counted} of {expected} resources, {len(resources)} in each of {len(BRANCHES)} stacks.")
    print(
        f"{checkov['summary']['passed']} of its checks passed. {len(accepted)} entries accept {len(findings)} findings."
    )
    print(f"{len(wrong)} problems.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
