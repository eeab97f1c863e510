"""What stands after `up`: the stack's outputs, stack.json, the table as the template wants it, the functions."""

import json
import stat
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.signed_api import Stack
from tests.e2e.conftest import Aws
from tests.e2e.support.routes import ROUTES
from tests.e2e.support.token_table import TokenTable
from tests.expected_functions import FUNCTIONS
from tests.providers import providers

FIELDS = {
    "apiUrl": str,
    "endpointUrl": str,
    "region": str,
    "table": str,
    "secretPrefix": str,
    "functions": dict,
    "eventBus": str,
    "orderQueueUrl": str,
    "providers": dict,
    "credentials": dict,
    "storefrontUrl": str,  # not frozen, and there with simulators only
}
PROVIDERS = frozenset(providers())


def test_stack_json_has_the_frozen_fields(stack: Stack) -> None:
    described = json.loads((stack.folder / "stack.json").read_text())

    assert {name: type(value) for name, value in described.items()} == FIELDS
    assert described["apiUrl"].startswith(described["endpointUrl"])
    assert described["apiUrl"].endswith("/v1")
    assert described["secretPrefix"] == "token-broker"
    assert described["region"] == "us-east-1"
    assert set(described["functions"]) == {"shopify/maintain", *(function.folder for function in FUNCTIONS)}
    assert described["functions"]["shopify/maintain"] == described["functions"]["lifecycle/maintain"]
    assert set(described["providers"]) == PROVIDERS
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

    invoked = {function.folder for function in FUNCTIONS if function.decides is None}
    assert set(functions.values()) == {stack.described["functions"][folder] for folder in invoked}
    assert set(outputs) - set(functions) == {
        "ApiUrl",
        "ApiId",
        "TableName",
        "SecretPrefix",
        "EventBusName",
        "OrderQueueUrl",
        "WorkQueueUrl",
        "WorkDeadLetterQueueUrl",
        "ShopifyWorkQueueUrl",
        "ShopifyWorkDeadLetterQueueUrl",
        "OutboxQueueUrl",
        "OutboxDeadLetterQueueUrl",
    }
    assert outputs["ApiUrl"].endswith("/v1")
    assert outputs["ApiId"] in stack.api_url
    assert outputs["TableName"] == stack.described["table"]
    assert outputs["ShopifyMaintainFunctionName"] == outputs["LifecycleMaintainFunctionName"]
    assert outputs["ShopifyWorkQueueUrl"] == outputs["WorkQueueUrl"]
    assert outputs["ShopifyWorkDeadLetterQueueUrl"] == outputs["WorkDeadLetterQueueUrl"]


@pytest.mark.parametrize(("name", "value"), [("VpcSubnetIds", "subnet-1"), ("VpcSecurityGroupIds", "sg-1")])
def test_subnets_and_security_groups_are_refused_without_each_other(
    stack: Stack, aws: Aws, name: str, value: str
) -> None:
    with pytest.raises(ClientError, match=f"{name} needs Vpc"):
        aws("cloudformation").create_change_set(
            StackName=stack.described["eventBus"],
            ChangeSetName="e2e-vpc",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value}],
        )


def test_the_table_is_as_the_template_wants_it(aws: Aws, table: TokenTable) -> None:
    dynamodb = aws("dynamodb")
    described = dynamodb.describe_table(TableName=table.name)["Table"]

    assert described["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["SSEDescription"]["Status"] == "ENABLED"
    assert described["DeletionProtectionEnabled"] is True
    [due] = described["GlobalSecondaryIndexes"]
    assert due["IndexName"] == "due"
    assert due["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert [key["AttributeName"] for key in due["KeySchema"]] == ["due", "dueAt"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    expiry = dynamodb.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
    backups = dynamodb.describe_continuous_backups(TableName=table.name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.folder)
def test_a_function_knows_of_its_own_provider_only(stack: Stack, aws: Aws, route: Any) -> None:
    configuration = aws("lambda").get_function_configuration(FunctionName=stack.described["functions"][route.folder])

    others = tuple(f"{provider.upper()}_" for provider in PROVIDERS - {route.provider})
    names = set(configuration["Environment"]["Variables"])
    assert {"TOKEN_TABLE", "SECRET_PREFIX", f"{route.provider.upper()}_BASE_URL"} <= names
    assert [name for name in names if name.startswith(others)] == []
    assert (configuration["Runtime"], configuration["Timeout"]) == ("python3.13", 25)
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert len(configuration["Layers"]) == 1


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.folder.split("/")[1].startswith(("public", "storefront", "create"))]
)
def test_an_asynchronous_call_of_a_function_that_mints_is_not_repeated(stack: Stack, aws: Aws, route: Any) -> None:
    function = stack.described["functions"][route.folder]

    config = aws("lambda").get_function_event_invoke_config(FunctionName=function)

    assert config["MaximumRetryAttempts"] == 0
