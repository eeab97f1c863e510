"""What each function's role may do, word for word as deployed, and tried."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.signed_api import Stack
from tests.deployed_function import Function
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.principals import assumed, client_of
from tests.e2e.support.token_table import TokenTable
from tests.expected_functions import FUNCTIONS, SCHEDULE_ROLE, TRUST, IndexCursor, statements
from tests.providers import providers

ACCOUNT = "000000000000"
#: Every other kind of secret.
OTHER_SECRETS = ("fourthwall-session", "shopify-session", "shopify-app", "storefront-proof")
#: Each of the table's operations on one item of a function's own, by its name.
ON_AN_ITEM: dict[str, Callable[[Any, str, Any], object]] = {
    "GetItem": lambda client, table, key: client.get_item(TableName=table, Key=key),
    "PutItem": lambda client, table, key: client.put_item(TableName=table, Item=key),
    "UpdateItem": lambda client, table, key: client.update_item(TableName=table, Key=key),
    "DeleteItem": lambda client, table, key: client.delete_item(TableName=table, Key=key),
    "Query": lambda client, table, key: client.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": key["pk"]}
    ),
}

type Roles = dict[str, dict[str, Any]]

of_each = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


def deployed(stack: Stack, aws: Aws, kind: str) -> dict[str, str]:
    """Return the resources of one type: their names in the template, and what CloudFormation calls them."""
    pages = aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.described["eventBus"])
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind}


@pytest.fixture(scope="module")
def roles(stack: Stack, aws: Aws) -> Roles:
    found = deployed(stack, aws, "AWS::IAM::Role")
    return {name: aws("iam").get_role(RoleName=role)["Role"] for name, role in found.items()}


@pytest.fixture(scope="module")
def queues(stack: Stack, aws: Aws) -> dict[str, str]:
    return deployed(stack, aws, "AWS::SQS::Queue")


def a_key_of(function: Function) -> dict[str, Any]:
    """Of an item that nobody else has, in a partition of the function's own if it has any."""
    own = function.items[0].keys[0].rstrip("*") if function.items else ""
    return {"pk": {"S": f"{own}nobody"}, "sk": {"S": "e2e"}}


def as_function(stack: Stack, roles: Roles, function: Function, service: str) -> Any:
    return client_of(stack, assumed(stack, roles[f"{function.name}Role"]["Arn"], "e2e"), service)


def test_each_function_has_a_role_of_its_own(stack: Stack, aws: Aws, roles: Roles) -> None:
    configuration = aws("lambda").get_function_configuration
    names = stack.described["functions"]
    used = {each.folder: configuration(FunctionName=names[each.folder])["Role"] for each in FUNCTIONS}

    assert used == {function.folder: roles[f"{function.name}Role"]["Arn"] for function in FUNCTIONS}
    assert set(roles) == {SCHEDULE_ROLE, *(f"{function.name}Role" for function in FUNCTIONS)}
    assert len(FUNCTIONS) == len(set(used.values()))


@of_each
def test_a_role_has_exactly_this_policy(
    stack: Stack, aws: Aws, roles: Roles, queues: dict[str, str], function: Function
) -> None:
    role, iam = roles[f"{function.name}Role"], aws("iam")
    region, name, table, prefix = (stack.described[each] for each in ("region", "eventBus", "table", "secretPrefix"))
    names = {name: url.rpartition("/")[2] for name, url in queues.items()}
    place = IndexCursor(region, ACCOUNT, name, table, prefix, names)

    assert iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"] == [function.name]
    document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=function.name)["PolicyDocument"]
    assert set(document) == {"Version", "Statement"}
    assert document["Statement"] == statements(function, place)
    assert role["AssumeRolePolicyDocument"] == TRUST


@of_each
def test_nobody_but_the_gateway_may_call_a_function(stack: Stack, aws: Aws, function: Function) -> None:
    name = stack.described["functions"][function.folder]
    policy = json.loads(aws("lambda").get_policy(FunctionName=name)["Policy"])

    for statement in policy["Statement"]:
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        assert statement["Action"] == "lambda:InvokeFunction"
    assert len(policy["Statement"]) == (1 if function.decides else len(function.routes))


@contextmanager
def denied() -> Iterator[None]:
    with pytest.raises(ClientError) as failure:
        yield
    assert failure.value.response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied"), failure.value


@pytest.fixture(scope="module")
def stored(merchants: Merchants) -> dict[str, tuple[str, dict[str, Any]]]:
    """One secret of each kind: its name, and what it holds."""
    made: dict[str, tuple[str, dict[str, Any]]] = {}
    for provider in providers():
        merchant = merchants.of(provider)
        made[provider] = (merchants.secret_name(provider, merchant.name), dict(merchant.secret))
    for kind in OTHER_SECRETS:
        name, value = f"shop-{secrets.token_hex(4)}", {"value": secrets.token_hex(32)}
        merchants.store(kind, name, json.dumps(value))
        made[kind] = (merchants.secret_name(kind, name), value)
    return made


@of_each
def test_a_function_reads_and_writes_its_own_kinds_of_secrets_or_none(
    stack: Stack, aws: Aws, roles: Roles, stored: dict[str, tuple[str, dict[str, Any]]], function: Function
) -> None:
    manager = as_function(stack, roles, function, "secretsmanager")

    for kind, (name, value) in stored.items():
        if kind in function.secrets:
            assert json.loads(manager.get_secret_value(SecretId=name)["SecretString"]) == value
        else:
            with denied():
                manager.get_secret_value(SecretId=name)
        with nullcontext() if kind in function.sessions else denied():
            manager.put_secret_value(SecretId=name, SecretString=json.dumps(value))
        with nullcontext() if kind in function.sessions else denied():
            manager.create_secret(Name=f"{name}-new", SecretString="{}")
            aws("secretsmanager").delete_secret(SecretId=f"{name}-new", ForceDeleteWithoutRecovery=True)
        with denied():
            manager.delete_secret(SecretId=name)
    with denied():
        manager.list_secrets()


@pytest.fixture
def other_table(aws: Aws) -> Iterator[str]:
    dynamodb, name = aws("dynamodb"), "e2e-other-table"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    yield name
    dynamodb.delete_table(TableName=name)


@of_each
def test_a_function_does_with_single_items_what_it_needs_and_nothing_else(
    stack: Stack, aws: Aws, table: TokenTable, roles: Roles, function: Function
) -> None:
    """Only the policy's text shows which partitions are its own. The local AWS does not enforce leading keys."""
    dynamodb = as_function(stack, roles, function, "dynamodb")
    may = {action for items in function.items if items.index is None for action in items.actions}
    key = a_key_of(function)

    for operation, try_it in ON_AN_ITEM.items():
        with nullcontext() if operation in may else denied():
            try_it(dynamodb, table.name, key)
    aws("dynamodb").delete_item(TableName=table.name, Key=key)


@of_each
def test_a_function_reaches_no_more_of_the_table_and_no_other_table(
    stack: Stack, table: TokenTable, roles: Roles, other_table: str, function: Function
) -> None:
    dynamodb = as_function(stack, roles, function, "dynamodb")
    key = a_key_of(function)

    with denied():
        dynamodb.scan(TableName=table.name)
    with denied():
        dynamodb.execute_statement(Statement=f'SELECT * FROM "{table.name}"')  # noqa: S608 - our own table's name
    with nullcontext() if any(items.index for items in function.items) else denied():
        dynamodb.query(
            TableName=table.name,
            IndexName="due",
            KeyConditionExpression="due = :due",
            ExpressionAttributeValues={":due": {"S": "due#0"}},
        )
    with denied():
        dynamodb.delete_table(TableName=table.name)
    for try_it in ON_AN_ITEM.values():
        with denied():
            try_it(dynamodb, other_table, key)


@of_each
def test_a_function_takes_from_its_queue_alone_and_sends_to_its_queue_alone(
    stack: Stack, roles: Roles, queues: dict[str, str], function: Function
) -> None:
    sqs = as_function(stack, roles, function, "sqs")

    for name, url in queues.items():
        taken = function.takes is not None and function.takes.name == name
        with nullcontext() if taken else denied():
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        if not taken:
            with denied():
                sqs.receive_message(QueueUrl=url)
        if name not in [each.name for each in function.sends]:
            with denied():
                sqs.send_message(QueueUrl=url, MessageBody="{}", MessageGroupId="e2e")
        with denied():
            sqs.purge_queue(QueueUrl=url)


def test_the_rule_may_send_to_the_order_queue_and_its_dead_letters_and_nobody_else_by_their_policy(
    stack: Stack, aws: Aws, queues: dict[str, str]
) -> None:
    [rule] = aws("events").list_rules(EventBusName=stack.described["eventBus"])["Rules"]
    asked = {
        name: aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "QueueArn"])["Attributes"]
        for name, url in queues.items()
    }
    orders = ("OrderQueue", "OrderDeadLetterQueue")
    # The local AWS alone: there sqs:SendMessage does not cover a batch, so `completion` allows it by a policy.
    for name in ("WorkQueue", "OutboxQueue"):
        (batches,) = json.loads(asked[name].pop("Policy"))["Statement"]
        assert batches["Action"] == "sqs:SendMessageBatch"
    assert {name for name, attributes in asked.items() if "Policy" in attributes} == set(orders)
    for name in orders:
        assert json.loads(asked[name]["Policy"])["Statement"] == [
            {
                "Sid": "PlacedOrders",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": [asked[each]["QueueArn"] for each in orders],
                "Condition": {"ArnEquals": {"aws:SourceArn": rule["Arn"]}},
            }
        ]
    assert rule["State"] == "ENABLED"


@of_each
def test_a_function_may_invoke_no_function_and_change_no_policy(stack: Stack, roles: Roles, function: Function) -> None:
    credentials = assumed(stack, roles[f"{function.name}Role"]["Arn"], "e2e")
    another = next(each for each in FUNCTIONS if each is not function)
    role, name = roles[f"{another.name}Role"]["Arn"], stack.described["functions"][another.folder]

    with denied():
        client_of(stack, credentials, "lambda").invoke(FunctionName=name)
    with denied():
        client_of(stack, credentials, "iam").list_roles()
    with denied():
        client_of(stack, credentials, "sts").assume_role(RoleArn=role, RoleSessionName="e2e")
    with denied():
        client_of(stack, credentials, "apigateway").get_rest_apis()
