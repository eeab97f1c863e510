"""On the local AWS, a role reaches only the items whose partition keys its policy names."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_stack import Stack
from tests.e2e.support.principals import assumed, client_of, iam_role

TABLE = "keys"
ACTIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "BatchWriteItem")
OWN, EVENT, OTHER = "own#1", "event#1", "other#1"


def statement(keys: str, *actions: str, resource: str = TABLE) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": f"arn:aws:dynamodb:*:*:table/{resource}",
        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [keys]}},
    }


@pytest.fixture(scope="module")
def dynamodb(empty: Stack) -> Iterator[Any]:
    """Yield a client of a role that may do all with its own items, put events, and query the due items of the index."""
    empty.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "due")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    policy = [
        statement("own#*", *ACTIONS),
        statement("event#*", "PutItem"),
        statement("due#*", "Query", resource=f"{TABLE}/index/due"),
    ]
    with iam_role(empty.client("iam"), "000000000000", policy) as role:
        yield client_of(empty, assumed(empty, role, "test"), "dynamodb")


def item(partition: str) -> dict[str, Any]:
    return {"pk": {"S": partition}}


def admitted(operation: Any, **arguments: Any) -> bool:
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


@pytest.mark.parametrize("partition", [OWN, EVENT, OTHER])
@pytest.mark.parametrize("name", ["get_item", "put_item", "update_item", "delete_item"])
def test_a_single_item_is_reached_by_its_own_partition_key(dynamodb: Any, name: str, partition: str) -> None:
    place = "Item" if name == "put_item" else "Key"
    expected = partition == OWN or (partition, name) == (EVENT, "put_item")

    assert admitted(getattr(dynamodb, name), TableName=TABLE, **{place: item(partition)}) is expected


@pytest.mark.parametrize(
    ("index", "name", "own", "other"), [({}, "pk", OWN, OTHER), ({"IndexName": "due"}, "due", "due#1", OWN)]
)
def test_a_query_is_held_to_the_partition_key_of_its_table_or_index(
    dynamodb: Any, index: dict[str, str], name: str, own: str, other: str
) -> None:
    for value, expected in ((own, True), (other, False)):
        values = {":key": {"S": value}}
        forms: list[dict[str, Any]] = [
            {"KeyConditionExpression": f"{name} = :key", "ExpressionAttributeValues": values},
            {
                "KeyConditionExpression": "(#key=:key)",
                "ExpressionAttributeNames": {"#key": name},
                "ExpressionAttributeValues": values,
            },
            {"KeyConditions": {name: {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": value}]}}},
        ]
        assert [admitted(dynamodb.query, TableName=TABLE, **index, **form) for form in forms] == [expected] * 3


def test_one_item_of_another_partition_refuses_a_batch(dynamodb: Any) -> None:
    for keys, expected in (([OWN, "own#2"], True), ([OWN, OTHER], False)):
        reads = {TABLE: {"Keys": [item(key) for key in keys]}}
        puts = {TABLE: [{"PutRequest": {"Item": item(key)}} for key in keys]}
        deletes = {TABLE: [{"DeleteRequest": {"Key": item(key)}} for key in keys]}

        assert admitted(dynamodb.batch_get_item, RequestItems=reads) is expected
        assert admitted(dynamodb.batch_write_item, RequestItems=puts) is expected
        assert admitted(dynamodb.batch_write_item, RequestItems=deletes) is expected


def test_each_item_of_a_transaction_is_judged_with_its_own_key(dynamodb: Any) -> None:
    """A single statement covers no transaction with an event, whose key another statement names."""
    update = {"Update": {"TableName": TABLE, "Key": item(OWN), "UpdateExpression": "REMOVE nothing"}}

    for partition, expected in ((EVENT, True), (OTHER, False)):
        put = {"Put": {"TableName": TABLE, "Item": item(partition)}}
        assert admitted(dynamodb.transact_write_items, TransactItems=[update, put]) is expected
        get = [{"Get": {"TableName": TABLE, "Key": item(key)}} for key in (OWN, partition)]
        assert not admitted(dynamodb.transact_get_items, TransactItems=get)
