"""The example state machine retries what can succeed later, and nothing else."""

import importlib
import json
import pkgutil
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from tests.unit.repository.pages import ROOT
from tests.unit.test_errors import kinds
from token_broker import providers

PATH = "docs/how-to/step-functions/checkout-session.asl.json"
DEFINITION = json.loads((ROOT / PATH).read_text())
TASKS = [state for state in DEFINITION["States"].values() if state.get("Resource", "").endswith(":lambda:invoke")]


def retryable() -> set[str]:
    """Return the names of the retryable errors, with those that a provider's package adds."""
    for module in pkgutil.walk_packages(providers.__path__, f"{providers.__name__}."):
        importlib.import_module(module.name)
    return {kind.__name__ for kind in kinds() if kind.retryable}


def test_step_functions_would_accept_it() -> None:
    machine = {"RoleArn": "arn:aws:iam::123456789012:role/checkout", "Definition": DEFINITION}
    template = {"Resources": {"Checkout": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}

    assert [match.message for match in lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))] == []


@pytest.mark.parametrize("task", TASKS, ids=["GetSessionToken", "CloseSession"])
def test_each_invocation_retries_every_retryable_error_and_no_other(task: dict[str, Any]) -> None:
    ours, aws = task["Retry"]

    assert set(ours["ErrorEquals"]) == retryable()
    assert all(name.startswith(("Lambda.", "Sandbox.")) for name in aws["ErrorEquals"])
    for retry in (ours, aws):
        assert (retry["JitterStrategy"], retry["BackoffRate"]) == ("FULL", 2), "callers must not come back together"
        assert retry["MaxDelaySeconds"] >= retry["IntervalSeconds"] * retry["BackoffRate"]
