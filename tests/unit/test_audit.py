"""When the template keeps others' rules, and what an audit of vulnerabilities says with and without data."""

import subprocess
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from audit import rules, tools, vulnerabilities
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


def report(counted: int, failed: str, *passed: str) -> dict[str, Any]:
    results = {"failed_checks": [{"resource": failed}], "passed_checks": [{"resource": name} for name in passed]}
    return {"summary": {"resource_count": counted}, "results": results}


QUEUES = {name: {"Type": "AWS::SQS::Queue"} for name in ("One", "Two")} | {"Bus": {"Type": "AWS::Events::EventBus"}}


def test_a_type_without_checks_needs_no_result() -> None:
    assert list(rules.unseen(report(3, "AWS::SQS::Queue.One", "AWS::SQS::Queue.Two"), QUEUES)) == []


@pytest.mark.parametrize("counted", [2, 3])
def test_a_resource_that_checkov_read_but_did_not_check_is_unseen(counted: int) -> None:
    sentences = list(rules.unseen(report(counted, "AWS::SQS::Queue.One"), QUEUES))

    assert sentences[-1] == "checkov did not check Two."
    assert len(sentences) == 4 - counted


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
