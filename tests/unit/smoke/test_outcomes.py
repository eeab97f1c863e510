"""How a check ends, whatever AWS or the API answers to it."""

from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.smoke.deployed import CannotStartError, Deployed, find
from tests.smoke.outcomes import DidNotRun, FellShort, Outcome, Result, outcomes, restore

#: No check here looks at it.
STACK: Any = None


def ended(raised: Exception | None) -> Outcome:
    def the_sky_is_blue(_stack: Deployed) -> str:
        if raised is not None:
            raise raised
        return "blue"

    (outcome,) = outcomes([the_sky_is_blue], STACK)
    return outcome


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "the message"}}, "DescribeTable")


def test_a_check_that_returns_has_held() -> None:
    assert ended(None) == Outcome("The sky is blue", Result.HELD, ("blue",))


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (FellShort("grey", expected="blue", advice="wait"), "grey"),
        (refusal("ResourceNotFoundException"), "DescribeTable failed with ResourceNotFoundException"),
        (requests.ConnectTimeout("https://api.example/v1"), "no answer from the API (ConnectTimeout)"),
        (KeyError("tokenId"), "nothing named 'tokenId'"),
    ],
)
def test_what_is_wrong_with_the_stack_falls_short(raised: Exception, seen: str) -> None:
    outcome = ended(raised)

    assert outcome.result == Result.FELL_SHORT
    assert outcome.lines[0] == f"seen:     {seen}"
    assert [line.partition(":")[0] for line in outcome.lines] == ["seen", "expected", "do"]


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (DidNotRun("It is night."), "It is night."),
        (refusal("AccessDeniedException"), "These credentials may not call DescribeTable."),
        (ReadTimeoutError(endpoint_url="https://aws.example"), "AWS could not be asked (ReadTimeoutError)."),
    ],
)
def test_what_the_operator_may_not_ask_did_not_run(raised: Exception, reason: str) -> None:
    assert ended(raised) == Outcome("The sky is blue", Result.DID_NOT_RUN, (reason,))


@pytest.mark.parametrize(
    ("stack", "region", "merchant", "sentence"),
    [
        ("", "eu-central-1", "demo", "Name the stack"),
        ("token-broker", "", "demo", "Name the Region"),
        ("token-broker", "eu-central-1", "", "Name a merchant"),
        ("token-broker", "eu-central-1", "De mo", "Name a merchant"),
        ("token-broker", "eu-central-1", "demo", "There are no AWS credentials"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, stack: str, region: str, merchant: str, sentence: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(CannotStartError, match=sentence):
        find(stack, region, merchant, "")


@pytest.mark.parametrize("failures", [0, 2])
def test_what_was_changed_is_restored_with_further_tries(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    left = [refusal("ResourceInUseException")] * failures

    def again() -> None:
        if left:
            raise left.pop()

    restore(again, "aws lambda …")
    assert not left


def test_what_cannot_be_restored_falls_short_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def again() -> None:
        raise refusal("AccessDeniedException")

    with pytest.raises(FellShort, match="not restored") as fault:
        restore(again, "aws lambda delete-function-concurrency")
    assert fault.value.advice == "aws lambda delete-function-concurrency"
