"""What each function's role may do, word for word as deployed, and tried."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.signed_api import Stack
from tests.e2e.conftest import Aws
from tests.e2e.merchants import Merchants
from tests.e2e.principals import assumed, client_of
from tests.e2e.routes import ROUTES
from tests.e2e.token_table import TokenTable

ACCOUNT = "000000000000"
#: Each function, by its name in the template without its last word: its provider, and what it does with its items.
FUNCTIONS = {
    "FourthwallPublicToken": ("fourthwall", ["GetItem", "PutItem", "UpdateItem"]),
    "ChicksxPublicToken": ("chicksx", ["Query", "PutItem", "UpdateItem"]),
    "ShopifyStorefrontAccessToken": ("shopify", ["GetItem", "PutItem", "UpdateItem"]),
    "ShopifyCreateStorefrontAccessToken": ("shopify", ["GetItem", "PutItem", "UpdateItem", "DeleteItem"]),
    "ShopifyListStorefrontAccessTokens": ("shopify", ["GetItem", "Query"]),
    "ShopifyDeleteStorefrontAccessToken": ("shopify", ["GetItem", "PutItem", "UpdateItem"]),
}
#: `broker` holds the stack's random name, for the marks in titles; whichever Shopify function is first makes it.
LEADING_KEYS = {"fourthwall": ["fourthwall#*"], "chicksx": ["chicksx#*"], "shopify": ["shopify#*", "broker"]}


def expected_statements(function: str, stack: Stack) -> list[dict[str, Any]]:
    (provider, actions), region = FUNCTIONS[function], stack.described["region"]
    group = f"/aws/lambda/{stack_name(stack)}-{function}"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "OwnLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}:*",
        },
        {
            "Sid": "Traces",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        },
        {
            "Sid": "ProviderSecrets",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": (
                f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{stack.described['secretPrefix']}/{provider}/*"
            ),
        },
        items_statement(stack, "ProviderItems", [f"dynamodb:{action}" for action in actions], LEADING_KEYS[provider]),
    ]
    if function == "ShopifyListStorefrontAccessTokens":
        statements.append(
            {
                **items_statement(stack, "StackName", "dynamodb:PutItem", []),
                "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["broker"]}},
            }
        )
    return statements


def items_statement(stack: Stack, sid: str, action: str | list[str], leading_keys: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": action,
        "Resource": f"arn:aws:dynamodb:{stack.described['region']}:{ACCOUNT}:table/{stack.described['table']}",
        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": leading_keys}},
    }


def stack_name(stack: Stack) -> str:
    return str(stack.described["eventBus"])


@pytest.fixture(scope="module")
def roles(stack: Stack, aws: Aws) -> dict[str, dict[str, Any]]:
    """The deployed roles by their names in the template."""
    pages = aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name(stack))
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["LogicalResourceId"]: aws("iam").get_role(RoleName=each["PhysicalResourceId"])["Role"]
        for each in found
        if each["ResourceType"] == "AWS::IAM::Role"
    }


def test_each_function_has_a_role_of_its_own(stack: Stack, aws: Aws, roles: dict[str, dict[str, Any]]) -> None:
    assert set(roles) == {f"{function}Role" for function in FUNCTIONS}
    used = {
        aws("lambda").get_function_configuration(FunctionName=stack.described["functions"][route.folder])["Role"]
        for route in ROUTES
    }
    assert used == {role["Arn"] for role in roles.values()}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_has_exactly_this_policy(
    stack: Stack, aws: Aws, roles: dict[str, dict[str, Any]], function: str
) -> None:
    role, iam = roles[f"{function}Role"], aws("iam")

    assert iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"] == [function]
    document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=function)["PolicyDocument"]
    assert set(document) == {"Version", "Statement"}
    assert document["Statement"] == expected_statements(function, stack)
    assert role["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }


@contextmanager
def denied() -> Iterator[None]:
    with pytest.raises(ClientError) as failure:
        yield
    assert failure.value.response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied"), failure.value


@pytest.mark.parametrize(
    ("function", "others"),
    [
        ("FourthwallPublicToken", ("chicksx", "shopify")),
        ("ChicksxPublicToken", ("fourthwall", "shopify")),
        ("ShopifyStorefrontAccessToken", ("fourthwall", "chicksx")),
    ],
)
def test_a_function_reads_its_own_providers_secrets_only(
    stack: Stack, merchants: Merchants, roles: dict[str, dict[str, Any]], function: str, others: tuple[str, ...]
) -> None:
    manager = client_of(stack, assumed(stack, roles[f"{function}Role"]["Arn"], "e2e"), "secretsmanager")
    own = merchants.of(FUNCTIONS[function][0])

    read = manager.get_secret_value(SecretId=merchants.secret_name(own.provider, own.name))
    assert json.loads(read["SecretString"]) == own.secret
    for provider in others:
        with denied():
            manager.get_secret_value(SecretId=merchants.secret_name(provider, merchants.of(provider).name))
    with denied():
        manager.list_secrets()
    with denied():
        manager.put_secret_value(SecretId=merchants.secret_name(own.provider, own.name), SecretString="{}")


@pytest.fixture
def other_table(aws: Aws) -> Iterator[str]:
    """A table that is none of the stack's, with the same keys."""
    dynamodb, name = aws("dynamodb"), "e2e-other-table"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reaches_single_partitions_of_one_table(
    stack: Stack, table: TokenTable, roles: dict[str, dict[str, Any]], other_table: str, function: str
) -> None:
    dynamodb = client_of(stack, assumed(stack, roles[f"{function}Role"]["Arn"], "e2e"), "dynamodb")
    provider, actions = FUNCTIONS[function]
    key = {"pk": {"S": f"{provider}#nobody"}, "sk": {"S": "subject#shop"}}
    own = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}

    if "GetItem" in actions:
        assert "Item" not in dynamodb.get_item(TableName=table.name, Key=key)
    if "Query" in actions:
        assert dynamodb.query(TableName=table.name, **own)["Items"] == []
    with denied():
        dynamodb.scan(TableName=table.name)
    with denied():
        dynamodb.execute_statement(Statement=f'SELECT * FROM "{table.name}"')  # noqa: S608 - our own table's name
    with denied():
        dynamodb.query(
            TableName=table.name,
            IndexName="due",
            KeyConditionExpression="due = :due",
            ExpressionAttributeValues={":due": {"S": "due#0"}},
        )
    with denied():
        dynamodb.delete_table(TableName=table.name)
    with denied():
        dynamodb.get_item(TableName=other_table, Key=key)
    with denied():
        dynamodb.query(TableName=other_table, **own)
    with denied():
        dynamodb.put_item(TableName=other_table, Item=key)


def test_a_function_may_invoke_no_function_and_change_no_policy(stack: Stack, roles: dict[str, dict[str, Any]]) -> None:
    credentials = assumed(stack, roles["ShopifyCreateStorefrontAccessTokenRole"]["Arn"], "e2e")

    with denied():
        client_of(stack, credentials, "lambda").invoke(
            FunctionName=stack.described["functions"]["chicksx/public_token"]
        )
    with denied():
        client_of(stack, credentials, "iam").list_roles()
    with denied():
        client_of(stack, credentials, "sts").assume_role(
            RoleArn=roles["ChicksxPublicTokenRole"]["Arn"], RoleSessionName="e2e"
        )
