"""What stands after `up`: the stack's outputs, stack.json, and its parameters' rule."""

import json
import stat

import pytest
from botocore.exceptions import ClientError

from sandbox.signed_api import Stack
from tests.e2e.conftest import Aws
from tests.expected_functions import FUNCTIONS
from tests.providers import providers
from token_broker import __version__

#: `storefrontUrl` is not frozen, and there with simulators only.
FIELDS = {
    **dict.fromkeys(("apiUrl", "endpointUrl", "region", "table", "secretPrefix", "eventBus", "orderQueueUrl"), str),
    "functions": dict,
    "providers": dict,
    "credentials": dict,
    "storefrontUrl": str,
}
QUEUES = ("Order", "Work", "WorkDeadLetter", "ShopifyWork", "ShopifyWorkDeadLetter", "Outbox", "OutboxDeadLetter")


def test_stack_json_has_the_frozen_fields(stack: Stack) -> None:
    described = json.loads((stack.folder / "stack.json").read_text())

    assert {name: type(value) for name, value in described.items()} == FIELDS
    assert described["apiUrl"].startswith(described["endpointUrl"])
    assert described["apiUrl"].endswith("/v1")
    assert described["secretPrefix"] == "token-broker"
    assert described["region"] == "us-east-1"
    assert set(described["functions"]) == {"shopify/maintain", *(function.folder for function in FUNCTIONS)}
    assert described["functions"]["shopify/maintain"] == described["functions"]["lifecycle/maintain"]
    assert set(described["providers"]) == set(providers())
    assert set(described["credentials"]) == {"accessKeyId", "secretAccessKey"}


@pytest.mark.parametrize("name", ["stack.json", "state.json"])
def test_files_with_credentials_or_processes_are_the_owners_alone(stack: Stack, name: str) -> None:
    assert stat.S_IMODE((stack.folder / name).stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def outputs(stack: Stack, aws: Aws) -> dict[str, str]:
    [deployed] = aws("cloudformation").describe_stacks(StackName=stack.described["eventBus"])["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in deployed["Outputs"]}


def test_the_stack_has_its_outputs(stack: Stack, outputs: dict[str, str]) -> None:
    functions = {name: value for name, value in outputs.items() if name.endswith("FunctionName")}

    invoked = {function.folder for function in FUNCTIONS if not function.decides}
    assert set(functions.values()) == {stack.described["functions"][folder] for folder in invoked}
    others = {"Version", "ApiUrl", "ApiId", "TableName", "SecretPrefix", "EventBusName"}
    assert set(outputs) - set(functions) == others | {f"{name}QueueUrl" for name in QUEUES}
    assert outputs["Version"] == __version__
    assert outputs["ApiUrl"].endswith("/v1")
    assert outputs["ApiId"] in stack.api_url
    assert outputs["TableName"] == stack.described["table"]
    assert outputs["ShopifyMaintainFunctionName"] == outputs["LifecycleMaintainFunctionName"]
    assert outputs["ShopifyWorkQueueUrl"] == outputs["WorkQueueUrl"]
    assert outputs["ShopifyWorkDeadLetterQueueUrl"] == outputs["WorkDeadLetterQueueUrl"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VpcSubnetIds", "subnet-1", "VpcSubnetIds needs Vpc"),
        ("Stage", "production", "A production stack needs AlarmTopicArn"),
        ("CallerAccounts", "11", "must be empty, or account ids"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_anything_is_changed(
    stack: Stack, aws: Aws, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence):
        aws("cloudformation").create_change_set(
            StackName=stack.described["eventBus"],
            ChangeSetName="e2e-parameters",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value}],
        )


def test_pages_and_signed_callers_have_throttles_of_their_own(aws: Aws, outputs: dict[str, str]) -> None:
    settings = aws("apigateway").get_stage(restApiId=outputs["ApiId"], stageName="v1")["methodSettings"]
    rates = {path: each["throttlingRateLimit"] for path, each in settings.items()}
    routes = [route.split() for each in FUNCTIONS for route in each.routes]
    public = {f"{path}/{method}" for method, path in routes if path.startswith(("/storefront/", "/clients/"))}
    preflights = {f"{path}/OPTIONS" for _, path in routes if path.startswith("/storefront/")}

    assert rates == {"*/*": 100, **dict.fromkeys(public | preflights, 1000)}
