"""What each function's role may do, word for word as deployed, and tried."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatchcase
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

type Roles = dict[str, dict[str, Any]]
type Key = dict[str, Any]

ACCOUNT = "000000000000"
#: Every other kind of secret.
OTHER_SECRETS = ("fourthwall-session", "shopify-session", "shopify-app", "storefront-proof")
#: No item meets it, so a write that a role may make changes nothing.
NEVER = {"ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(pk)"}
#: Each of the table's operations on one item, by its name.
ON_AN_ITEM: dict[str, Callable[[Any, str, Key], object]] = {
    "GetItem": lambda client, table, key: client.get_item(TableName=table, Key=key),
    "PutItem": lambda client, table, key: client.put_item(TableName=table, Item=key, **NEVER),
    "UpdateItem": lambda client, table, key: client.update_item(TableName=table, Key=key, **NEVER),
    "DeleteItem": lambda client, table, key: client.delete_item(TableName=table, Key=key, **NEVER),
    "Query": lambda client, table, key: client.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": key["pk"]}
    ),
}
#: Each of a transaction's writes, by the name of the action that it needs.
IN_A_TRANSACTION: dict[str, Callable[[Key], dict[str, Any]]] = {
    "PutItem": lambda key: {"Put": {"Item": key}},
    "UpdateItem": lambda key: {"Update": {"Key": key, "UpdateExpression": "REMOVE nothing"}},
    "DeleteItem": lambda key: {"Delete": {"Key": key}},
    "ConditionCheckItem": lambda key: {"ConditionCheck": {"Key": key}},
}
#: One partition key, of an item that does not exist, for each that a statement of any role names.
PARTITIONS = sorted(
    {
        pattern.replace("*", "nobody")
        for function in FUNCTIONS
        for items in function.items
        if items.index is None
        for pattern in items.keys
    }
)

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


def key_in(partition: str) -> Key:
    return {"pk": {"S": partition}, "sk": {"S": "e2e"}}


def may(function: Function, action: str, partition: str) -> bool:
    """Return whether a statement of the function's role has the action for the items of the partition."""
    return any(
        action in items.actions and any(fnmatchcase(partition, pattern) for pattern in items.keys)
        for items in function.items
        if items.index is None
    )


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
    assert len(policy["Statement"]) == len(function.decides or function.routes)


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


@contextmanager
def allowed() -> Iterator[None]:
    """Expect that the call is admitted, whatever becomes of it."""
    try:
        yield
    except ClientError as failure:
        if failure.response["Error"]["Code"] not in {"ConditionalCheckFailedException", "TransactionCanceledException"}:
            raise


@of_each
def test_a_function_does_with_single_items_what_it_needs_and_reaches_no_other_partition(
    stack: Stack, table: TokenTable, roles: Roles, function: Function
) -> None:
    dynamodb = as_function(stack, roles, function, "dynamodb")

    for operation, try_it in ON_AN_ITEM.items():
        for partition in PARTITIONS:
            with allowed() if may(function, operation, partition) else denied():
                try_it(dynamodb, table.name, key_in(partition))


@of_each
def test_a_transaction_with_an_item_of_another_provider_is_refused(
    stack: Stack, table: TokenTable, roles: Roles, function: Function
) -> None:
    """The local AWS checks each item with its own key. For AWS's other readings see docs/decisions/0017."""
    dynamodb = as_function(stack, roles, function, "dynamodb")

    for action, write in IN_A_TRANSACTION.items():
        for partition in PARTITIONS:
            own = [key for key in PARTITIONS if may(function, action, key)]
            writes = [write(key_in(key)) for key in sorted({*own[:1], partition})]
            for details in (details for each in writes for details in each.values()):
                details |= {"TableName": table.name, **NEVER}
            with allowed() if partition in own else denied():
                dynamodb.transact_write_items(TransactItems=writes)


@of_each
def test_a_function_reaches_no_more_of_the_table_and_no_other_table(
    stack: Stack, table: TokenTable, roles: Roles, other_table: str, function: Function
) -> None:
    dynamodb = as_function(stack, roles, function, "dynamodb")
    key = key_in(PARTITIONS[0])

    with denied():
        dynamodb.scan(TableName=table.name)
    with denied():
        dynamodb.execute_statement(Statement=f'SELECT * FROM "{table.name}"')  # noqa: S608 - our own table's name
    for due in ("due#0", "other#0"):
        with nullcontext() if due == "due#0" and any(items.index for items in function.items) else denied():
            dynamodb.query(
                TableName=table.name,
                IndexName="due",
                KeyConditionExpression="due = :due",
                ExpressionAttributeValues={":due": {"S": due}},
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
