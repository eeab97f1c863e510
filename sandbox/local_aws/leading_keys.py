"""Give `dynamodb:LeadingKeys` its value in the emulator, which leaves this condition key absent.

On AWS, it holds the partition keys that a request names. A query of an index names the index's partition key. A scan
names none, and neither does PartiQL here. AWS does not document what it holds inside a transaction. Here, each item of
a transaction is checked with its own key.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

KEY = "dynamodb:LeadingKeys"
#: A comparison in a query's condition, such as `#pk = :pk`.
_EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")

type Request = Mapping[str, Any]
type Tables = Mapping[str, Mapping[str, Any]]


class ItemArn(str):
    """Hold a table's ARN for the check of one item of a transaction, with that item's partition key."""

    __slots__ = ("leading_keys",)
    leading_keys: list[str]


def with_leading_keys(context_of: Callable[[bytes], dict[str, Any]], tables: Tables) -> Callable[..., dict[str, Any]]:
    """Wrap the emulator's condition keys of a DynamoDB request, `tables` being all tables by name."""

    @functools.wraps(context_of)
    def keyed(body: bytes) -> dict[str, Any]:
        return context_of(body) | _condition(leading_keys(json.loads(body or b"{}"), tables))

    return keyed


def with_items_of_transactions(
    checks_of: Callable[..., list[tuple[str, str]]], tables: Tables
) -> Callable[..., list[tuple[str, str]]]:
    """Wrap the emulator's list of a transaction's checks, one for each item, so that each ARN holds its item's key.

    A check is (action, table's ARN).
    """

    @functools.wraps(checks_of)
    def keyed(action: str, body: bytes, *arguments: Any) -> list[tuple[str, str]]:
        checks = checks_of(action, body, *arguments)
        items = [details for item in json.loads(body)["TransactItems"] for details in item.values()] if checks else []
        return [
            (single, _item_arn(arn, leading_keys(item, tables)))
            for (single, arn), item in zip(checks, items, strict=True)
        ]

    return keyed


def with_keys_of_items(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the emulator's check of a request so that an item of a transaction is checked with its own key."""

    @functools.wraps(enforce)
    def enforced(*arguments: Any, **options: Any) -> Any:
        arn = options.get("resource_arn")
        if isinstance(arn, ItemArn):
            options["service_context"] = {**options["service_context"], **_condition(arn.leading_keys)}
        return enforce(*arguments, **options)

    return enforced


def leading_keys(request: Request, tables: Tables) -> list[str]:
    """Return the partition keys that a request names, or one item of a transaction."""
    if "RequestItems" in request:
        items = (
            {"TableName": table, **item} for table, batch in request["RequestItems"].items() for item in _of(batch)
        )
        return [key for item in items for key in leading_keys(item, tables)]
    table = tables.get(str(request.get("TableName", "")).rpartition("/")[2])
    if table is None:
        return []
    partition = _partition(table, request.get("IndexName"))
    if "KeyConditionExpression" in request or "KeyConditions" in request:
        return [_queried(request, partition)]
    attributes = request.get("Key") or request.get("Item") or {}
    return [_text(attributes[partition])] if partition in attributes else []


def _item_arn(arn: str, keys: list[str]) -> ItemArn:
    made = ItemArn(arn)
    made.leading_keys = keys
    return made


def _condition(keys: list[str]) -> dict[str, list[str]]:
    return {KEY: keys} if keys else {}


def _of(batch: Any) -> Iterator[Request]:
    """Yield the items that a batch reads from one table ({"Keys"}) or writes to it (a list), as single requests."""
    if isinstance(batch, Mapping):
        yield from ({"Key": key} for key in batch["Keys"])
    else:
        yield from (details for write in batch for details in write.values())


def _partition(table: Mapping[str, Any], index: str | None) -> str:
    """Return the name of the partition key of the table, or of its index."""
    indexes = {each["IndexName"]: each for each in table.get("GlobalSecondaryIndexes") or []}
    schema = indexes.get(index, table)["KeySchema"]
    return next(str(part["AttributeName"]) for part in schema if part["KeyType"] == "HASH")


def _queried(request: Request, partition: str) -> str:
    """Return the partition key that a query names.

    It is empty if the query has another form, and then matches no key of a policy.
    """
    if partition in request.get("KeyConditions", {}):
        return _text(request["KeyConditions"][partition]["AttributeValueList"][0])
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    compared = _EQUALS.findall(request.get("KeyConditionExpression", ""))
    found = (_text(values[value]) for name, value in compared if names.get(name, name) == partition and value in values)
    return next(found, "")


def _text(value: Mapping[str, Any]) -> str:
    """Return the text of an attribute's value, such as {"S": "chicksx#acme"}."""
    return str(next(iter(value.values())))
