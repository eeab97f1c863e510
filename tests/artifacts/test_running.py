"""Each built function runs with its layer under AWS's runtime client, at each entry point and with Lambda's errors."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.artifacts.backends import ISSUER, SECRETS, STACK, VALUES, Surroundings, proof
from tests.artifacts.built import FUNCTIONS, LAYER, folder_of
from tests.artifacts.lambda_process import LambdaProcess, running
from tests.integration.support import functions
from tests.integration.support.functions import ENTRY_POINTS
from token_broker.errors import BrokerError, InvalidRequest, MerchantNotFound, ProviderError

pytestmark = pytest.mark.audit

#: In no file and no secret; what holds it has quoted an event.
CANARY = "canary-4f1c9e07d2"
#: Lambda's own members of a failure, from its runtime client.
FAILURE = {"errorMessage", "errorType", "requestId", "stackTrace"}
FRAME = re.compile(r'  File "[^"]+/token_broker/entrypoints/(handler|direct)\.py", line \d+')
PROBLEM = {"type", "title", "status", "detail", "code", "requestId", "retryable"}


@pytest.fixture(scope="module", params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def process(function: str, around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdaProcess]:
    log = tmp_path_factory.mktemp(function.replace("/", "-")) / "log"
    with running([folder_of(function), LAYER / "python"], around.environment(function), log) as started:
        yield started
    written = log.read_text(errors="replace")
    assert [value for value in (*VALUES, CANARY) if value in written] == [], "the log holds a value"


@pytest.fixture
def invoke(process: LambdaProcess, around: Surroundings) -> Any:
    around.anew()
    return process.invoke


def event_at(function: str, entry_point: str) -> Any:
    event = functions.sample_event(function, entry_point)
    if function == functions.PROOF_AUTHORIZER:
        event["headers"]["Authorization"] = f"Bearer {proof()}"
        event["multiValueHeaders"]["Authorization"] = [event["headers"]["Authorization"]]
    if entry_point == "storefront" and function == functions.CHICKSX:
        event["requestContext"]["authorizer"]["expiresAt"] = str(int(time.time()) + 600)
    if entry_point == "client":
        event["requestContext"]["authorizer"]["clientUntil"] = str(int(time.time()) + 600)
    return event


def check_failure(failed: Any, error: type[BrokerError]) -> dict[str, Any]:
    """Return the problem document of a failure after checking that it is this error in Lambda's and our shape."""
    assert set(failed) == FAILURE
    assert failed["errorType"] == error.__name__
    problem: dict[str, Any] = json.loads(failed["errorMessage"])
    assert set(problem) - {"provider", "retryAfter"} == PROBLEM
    assert (problem["code"], problem["status"]) == (error.code, error.status)
    assert problem["requestId"] == failed["requestId"]
    # Where it was raised, in our own code: nothing of what was under way there.
    assert all(FRAME.match(each) for each in failed["stackTrace"])
    assert not any(value in json.dumps(failed) for value in (*VALUES, CANARY))
    return problem


def test_it_responds_at_each_entry_point(function: str, invoke: Any, around: Surroundings) -> None:
    admitted = (*functions.AUTHORIZERS, functions.GET_POLICY, functions.DELETE_POLICY, *functions.PREVIEW_FUNCTIONS)
    if function in admitted:
        around.admission()
    for entry_point in ENTRY_POINTS[function]:
        if function == functions.DELETE_POLICY:
            around.admission()
        if "put" in function:
            around.anew()
        if function == functions.GET_RECORD:
            around.record(event_at(function, "direct")["tokenId"])
        answer = invoke(event_at(function, entry_point))

        match entry_point:
            case "api" | "storefront" | "client":
                assert answer["statusCode"] in (200, 201, 202), answer
                assert isinstance(json.loads(answer["body"]), dict)
            case "queue":
                assert answer == {"batchItemFailures": []}
            case "authorizer":
                [statement] = answer["policyDocument"]["Statement"]
                assert statement["Effect"] == "Allow"
                assert ISSUER in answer["context"]["origins"]
            case _:
                assert not FAILURE & set(answer), answer


def test_it_writes_json_lines_and_one_cold_start(function: str, invoke: Any, process: LambdaProcess) -> None:
    entry_point = ENTRY_POINTS[function][0]
    for _ in range(2):
        invoke(event_at(function, entry_point))

    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    ends = [line for line in lines if line.get("message") in ("answered", "decided")]

    assert ends[0]["cold_start"] is True
    assert {line["cold_start"] for line in ends[1:]} == {False}
    assert {line["service"] for line in ends} == {STACK}
    assert any("_aws" in line for line in lines)


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if "direct" in ENTRY_POINTS[each]], indirect=True)
@pytest.mark.parametrize("event", [{"merchant": f"{CANARY}!", "x": CANARY}, {CANARY: CANARY}, [CANARY], CANARY, 7])
def test_a_wrong_event_fails_in_lambdas_own_shape(event: Any, invoke: Any) -> None:
    check_failure(invoke(event), InvalidRequest)


@pytest.mark.parametrize("function", functions.AUTHORIZERS, indirect=True)
def test_an_authorizer_that_knows_nothing_of_the_question_says_no(function: str, invoke: Any) -> None:
    """It raises nothing, of which the gateway would tell."""
    answer = invoke({"type": "REQUEST", "headers": {"Authorization": CANARY}, CANARY: CANARY})

    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert CANARY not in json.dumps(answer)


@pytest.mark.parametrize("function", [functions.PROOF_AUTHORIZER], indirect=True)
def test_a_proof_that_is_none_is_refused_with_the_one_text_that_the_gateway_knows(
    function: str, invoke: Any, around: Surroundings
) -> None:
    around.admission()
    event = event_at(function, "authorizer")
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {proof()}{CANARY}"]

    failed = invoke(event)

    assert set(failed) == FAILURE
    assert (failed["errorMessage"], failed["errorType"]) == ("Unauthorized", "DecisionUnavailable")
    assert not any(value in json.dumps(failed) for value in (*VALUES, CANARY, "eyJ"))


@pytest.mark.parametrize("function", functions.FUNCTIONS, indirect=True)
def test_a_merchant_without_a_secret_is_not_found(function: str, invoke: Any) -> None:
    failed = invoke({**functions.sample_event(function, "direct"), "merchant": "nobody-here"})

    check_failure(failed, MerchantNotFound)


@pytest.mark.parametrize("function", functions.FUNCTIONS, indirect=True)
def test_a_provider_that_repeats_the_secrets_does_not_bring_them_out(
    function: str, invoke: Any, around: Surroundings
) -> None:
    """Also not into what Lambda itself writes of an exception."""
    echo = " ".join(value for name, value in SECRETS[functions.provider_of(function)].items() if name != "shop")
    body = {"code": echo, "message": echo, "errors": {"base": [echo]}}
    around.control.fault(functions.provider_of(function), "status", status=400, body=body)
    event = functions.sample_event(function, "direct")

    # Not from memory, where an earlier test has left one.
    kept = function in (functions.FOURTHWALL, functions.CURRENT)
    failed = invoke({**event, "cacheControl": "no-cache"} if kept else event)

    assert "[redacted]" in check_failure(failed, ProviderError)["provider"]["message"]


def test_a_function_without_its_layer_does_not_start(around: Surroundings, tmp_path: Path) -> None:
    """So nothing of this machine stands in for what the layer lacks."""
    with running([folder_of(functions.DISPATCH)], around.environment(functions.DISPATCH), tmp_path / "log") as process:
        failed = process.invoke(functions.sample_event(functions.DISPATCH, "direct"))

    assert failed["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'token_broker'" in failed["errorMessage"]
