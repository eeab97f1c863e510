"""When the template keeps others' rules, and what an audit of vulnerabilities says with and without data."""

import subprocess
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from audit import rules, tools, vulnerabilities, workflow
from audit.rules import Acceptance, Finding
from audit.tools import AuditError

QUEUE = Finding("checkov", "CKV_AWS_27", "AWS::SQS::Queue.WorkQueue", "not encrypted")
ACCEPTED = Acceptance("checkov", "CKV_AWS_27", "AWS::SQS::Queue.*", "a reason")


def test_a_finding_with_a_reason_is_no_problem() -> None:
    assert list(rules.problems([QUEUE], [ACCEPTED])) == []


@pytest.mark.parametrize("other", [{"tool": "cfn-lint"}, {"rule": "CKV_AWS_2"}, {"place": "AWS::SNS::Topic.*"}])
def test_a_finding_without_a_reason_and_a_reason_without_a_finding_are_problems(other: dict[str, str]) -> None:
    unexplained, needless = rules.problems([QUEUE], [ACCEPTED._replace(**other)])

    assert unexplained == "checkov CKV_AWS_27 at AWS::SQS::Queue.WorkQueue: not encrypted"
    assert needless.startswith("Nothing breaks")


def test_every_acceptance_gives_its_reason() -> None:
    assert [each for each in rules.read_accepted(rules.ACCEPTED) if len(each.reason.split()) < 5] == []


QUEUES = {name: {"Type": "AWS::SQS::Queue"} for name in ("One", "Two")} | {"Bus": {"Type": "AWS::Events::EventBus"}}


def report(**checked: list[str]) -> dict[str, Any]:
    """Return checkov's report with the names of the queues that each check passed or failed."""
    (failed, names), *passed = (
        [{"check_id": check, "resource": f"AWS::SQS::Queue.{name}", "file_path": "/1.json"} for name in names]
        for check, names in checked.items()
    )
    return {"results": {"failed_checks": [failed, names], "passed_checks": [each for some in passed for each in some]}}


def test_a_check_needs_a_result_for_each_resource_of_a_type_that_it_knows() -> None:
    assert rules.unseen(report(A=["One", "Two"], B=["Two", "One"]), QUEUES) == []

    (unchecked,) = rules.unseen(report(A=["One", "Two"], B=["Two"]), QUEUES)

    assert unchecked[:3] == ("unchecked", "B", "AWS::SQS::Queue.One")


def test_one_file_does_not_stand_for_another() -> None:
    both = report(A=["One", "Two"])
    both["results"]["failed_checks"][1]["file_path"] = "/2.json"

    assert [each.place for each in rules.unseen(both, QUEUES)] == ["AWS::SQS::Queue.One", "AWS::SQS::Queue.Two"]


NOTHING = {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize(("branch", "left"), [(1, {"Key": ["a", "b"]}), (2, {"Key": ["b"], "Name": "x"})])
def test_a_template_is_decided_for_one_branch_of_each_condition(branch: int, left: dict[str, Any]) -> None:
    properties = {
        "Key": [{"Fn::If": ["WithKey", "a", NOTHING]}, "b"],
        "Name": {"Fn::If": ["WithKey", NOTHING, {"Fn::If": ["Other", "y", "x"]}]},
    }
    template = {"Resources": {"One": {"Type": "T", "Condition": "WithKey", "Properties": properties}}}

    assert rules.decided(template, branch) == {"Resources": {"One": {"Type": "T", "Properties": left}}}


def package(name: str, *vulnerabilities: str) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": [{"id": each, "fix_versions": ["2"]} for each in vulnerabilities]}


UNKNOWN = {"name": "idna", "skip_reason": "Dependency not found on PyPI and could not be audited: idna (1)"}
CANARY = package(vulnerabilities.CANARY, "PYSEC-1")


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([CANARY, package("idna")], 0, "PyPI knows 0 vulnerabilities of the packages that ship."),
        ([CANARY, package("idna", "PYSEC-2")], 1, "✗ idna 1 has PYSEC-2, fixed in 2."),
        ([CANARY, UNKNOWN], 0, "WARNING: PyPI does not know idna, so these were not checked for vulnerabilities."),
        ([package(vulnerabilities.CANARY), package("idna")], 0, "WARNING: PyPI's vulnerability data cannot be reached"),
        ([{**UNKNOWN, "name": vulnerabilities.CANARY}, UNKNOWN], 0, "WARNING: PyPI's vulnerability data cannot be"),
        (AuditError("No report.", "ConnectionError: https://host"), 0, "WARNING: PyPI's vulnerability data cannot be"),
        (AuditError("No report.", "error: unrecognized arguments"), 1, "✗ No report."),
    ],
)
def test_only_a_found_vulnerability_or_a_broken_tool_fails(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, Any]] | AuditError,
    status: int,
    said: str,
) -> None:
    def reported(*_: object) -> dict[str, Any]:
        if isinstance(packages, AuditError):
            raise packages
        return {"dependencies": packages}

    monkeypatch.setattr(vulnerabilities, "json_of", reported)

    assert vulnerabilities.main() == status
    assert capsys.readouterr().out.startswith(said)


def test_a_tool_without_a_report_is_named_and_its_own_words_are_not_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = CompletedProcess([], 1, stdout=b"", stderr=b"first\nlast: https://host\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)

    with pytest.raises(AuditError, match=r"^tool printed no report and ended with status 1\.$") as failed:
        tools.json_of("tool", [], tmp_path, 60)

    assert failed.value.cause == "last: https://host"


def test_each_finding_in_the_workflow_is_a_sentence_with_its_line() -> None:
    place = {"key": {"Local": {"verbatim_path": "/a/.github/workflows/ci.yml"}}}
    where = {"location": {"start_point": {"row": 23, "column": 8}}}
    unpinned = {"ident": "unpinned-uses", "desc": "an action", "locations": [{"symbolic": place, "concrete": where}]}
    unknown = {"file": "/a/ci.yml", "line": 20, "message": "unexpected key"}

    assert list(workflow.security_problems([unpinned])) == ["zizmor unpinned-uses, ci.yml:24: an action"]
    assert list(workflow.lint_problems([unknown])) == ["actionlint, ci.yml:20: unexpected key"]


def test_a_folder_without_a_workflow_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no workflow"):
        workflow.problems(tmp_path)
