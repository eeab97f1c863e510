"""The example of docs/how-to/use-in-a-state-machine.md runs on the local stack with its role."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.principals import assumed, client_of, iam_role, policies_of, statements
from tests.e2e.support.waiting import wait_until
from tests.unit.repository.pages import ROOT
from token_broker_client import TokenBroker, errors

DEFINITION = ROOT / "docs/how-to/step-functions/checkout-session.asl.json"
POLICY, TRUST = policies_of("docs/how-to/use-in-a-state-machine.md")
ORDER = {"orderId": "order-1"}


@dataclass(frozen=True)
class Checkout:
    """A state machine with the queue that its messages go to, and its role."""

    aws: Aws
    arn: str
    queue: str
    role: str

    def start(self, **given: str) -> str:
        """Start an execution with this input, and return its ARN."""
        started = self.aws("stepfunctions").start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        return str(started["executionArn"])

    def message(self) -> dict[str, Any]:
        """Return the next message to the checkout."""
        (found,) = self.aws("sqs").receive_message(QueueUrl=self.queue, WaitTimeSeconds=20)["Messages"]
        self.aws("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=found["ReceiptHandle"])
        return dict(json.loads(found["Body"]))

    def place_order(self, message: dict[str, Any]) -> None:
        self.aws("stepfunctions").send_task_success(taskToken=message["taskToken"], output=json.dumps(ORDER))

    def end_of(self, execution: str) -> dict[str, Any]:
        """Return how the execution ended, after waiting for that."""
        found: dict[str, Any] = {}

        def ended() -> bool:
            found.update(self.aws("stepfunctions").describe_execution(executionArn=execution))
            return bool(found["status"] != "RUNNING")

        wait_until(ended, "the execution's end")
        return found

    def errors(self, execution: str) -> list[str]:
        """Return the errors of the failed tries."""
        events = self.aws("stepfunctions").get_execution_history(executionArn=execution)["events"]
        return [each["taskFailedEventDetails"]["error"] for each in events if each["type"] == "TaskFailed"]


@contextmanager
def checkout(stack: Stack, aws: Aws, **functions: str) -> Iterator[Checkout]:
    """Yield a state machine that invokes these functions with the page's role."""
    name, account = f"checkout-{secrets.token_hex(4)}", aws("sts").get_caller_identity()["Account"]
    places = {"{region}": stack.described["region"], "{account}": account, "{queue}": name}
    places |= {f"{{{place}}}": function for place, function in functions.items()}
    queue = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    definition = DEFINITION.read_text()
    for place, value in {**functions, "CheckoutQueueUrl": queue}.items():
        definition = definition.replace(f"${{{place}}}", value)
    trust = [*statements(TRUST, places), {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]
    with iam_role(aws("iam"), account, statements(POLICY, places), trust) as role:
        machine = {"name": name, "roleArn": role, "definition": definition}
        arn = aws("stepfunctions").create_state_machine(**machine)["stateMachineArn"]
        try:
            yield Checkout(aws, arn, queue, role)
        finally:
            aws("stepfunctions").delete_state_machine(stateMachineArn=arn)
            aws("sqs").delete_queue(QueueUrl=queue)


@pytest.fixture(scope="module")
def functions(stack: Stack) -> dict[str, str]:
    deployed = stack.described["functions"]
    return {
        "PublicTokenFunction": deployed["chicksx/public_token"],
        "CloseSessionFunction": deployed["chicksx/close_session"],
    }


@pytest.fixture(scope="module")
def machine(stack: Stack, aws: Aws, functions: dict[str, str]) -> Iterator[Checkout]:
    with checkout(stack, aws, **functions) as made:
        yield made


def test_a_session_gets_its_token_and_is_closed_when_the_order_is_placed(
    broker: TokenBroker, merchants: Merchants, machine: Checkout
) -> None:
    merchant = merchants.chicksx().name
    sessions = broker.merchant(merchant).chicksx

    execution = machine.start(merchant=merchant, sessionId="checkout-1")
    message = machine.message()
    token = sessions.token("checkout-1")
    machine.place_order(message)

    assert (message["sessionId"], message["accessToken"]) == ("checkout-1", token.access_token)
    ended = machine.end_of(execution)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]).items() >= {"sessionId": "checkout-1", **ORDER}.items()
    with pytest.raises(errors.SessionClosed):
        sessions.token("checkout-1")


def test_a_retryable_error_is_retried(control: ControlClient, merchants: Merchants, machine: Checkout) -> None:
    control.fault("chicksx", "status", status=503)

    execution = machine.start(merchant=merchants.chicksx().name, sessionId="retried")
    machine.place_order(machine.message())

    assert machine.end_of(execution)["status"] == "SUCCEEDED"
    assert machine.errors(execution) == ["ProviderUnavailable"]


def test_a_closed_session_ends_in_its_own_state_at_once(
    broker: TokenBroker, merchants: Merchants, machine: Checkout
) -> None:
    merchant = merchants.chicksx().name
    broker.merchant(merchant).chicksx.close_session("closed")

    execution = machine.start(merchant=merchant, sessionId="closed")
    ended = machine.end_of(execution)

    assert (ended["status"], ended["error"]) == ("FAILED", "SessionClosed")
    assert "new session id" in ended["cause"]
    assert machine.errors(execution) == ["SessionClosed"]


def test_a_final_error_is_told_by_the_code_and_the_detail_of_its_problem_document(
    merchants: Merchants, machine: Checkout
) -> None:
    execution = machine.start(merchant=merchants.nobody(), sessionId="checkout-1")
    ended = machine.end_of(execution)

    assert (ended["status"], ended["error"]) == ("FAILED", "merchant_not_found")
    assert re.fullmatch(r"There is no secret .* \(request [0-9a-f-]{36}\)", ended["cause"])
    assert machine.errors(execution) == ["MerchantNotFound"]


def test_an_error_without_a_problem_document_is_told_as_it_is(
    stack: Stack, aws: Aws, merchants: Merchants, functions: dict[str, str]
) -> None:
    with checkout(stack, aws, **functions | {"PublicTokenFunction": "none"}) as without_function:
        ended = without_function.end_of(without_function.start(merchant=merchants.nobody(), sessionId="checkout-1"))

    assert (ended["status"], ended["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_the_role_may_do_what_the_machine_does_and_invokes_no_other_function(
    stack: Stack, machine: Checkout, functions: dict[str, str]
) -> None:
    """The local AWS does not use the role in an execution."""
    credentials = assumed(stack, machine.role, "checkout")
    invoke = client_of(stack, credentials, "lambda").invoke

    for function in functions.values():
        assert "errorType" in json.loads(invoke(FunctionName=function, Payload=b"{}")["Payload"].read())
    client_of(stack, credentials, "sqs").send_message(QueueUrl=machine.queue, MessageBody="{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        invoke(FunctionName=stack.described["functions"]["chicksx/rotate"], Payload=b"{}")
