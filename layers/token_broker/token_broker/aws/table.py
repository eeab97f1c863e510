"""The few DynamoDB calls that the store is made of, with AWS's failures as ours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from token_broker.aws.attributes import Item, unwrap_all, wrap, wrap_all
from token_broker.aws.records import Key
from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.errors import StorageUnavailable

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"


class ConditionFailed(Exception):
    """A conditional write found something else; `found` is the item that stands there (plain values), None where none
    is.
    """

    def __init__(self, found: dict[str, Any] | None) -> None:
        super().__init__("condition failed")
        self.found = found


class TransactionRefused(Exception):
    """A transaction changed nothing; `reasons` has AWS's code for each of its writes, `None` for those that were all
    right.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("transaction refused")
        self.reasons = reasons


def _key(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _unavailable(error: Exception) -> StorageUnavailable:
    failure = StorageUnavailable("The token table did not answer. Nothing was handed out; try again.")
    failure.add_note(f"DynamoDB: {error_code(error)}")
    return failure


def update(
    key: Key,
    expression: str,
    condition: str,
    values: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The arguments of a conditional update, alone or in a transaction."""
    arguments: dict[str, Any] = {
        "Key": _key(key),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
    }
    if used := {name: wrap(value) for name, value in values.items() if name in expression or name in condition}:
        arguments["ExpressionAttributeValues"] = used
    if names:
        arguments["ExpressionAttributeNames"] = dict(names)
    return arguments


def put(
    key: Key,
    attributes: Mapping[str, Any],
    condition: str,
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The arguments of a conditional put, alone or in a transaction."""
    arguments: dict[str, Any] = {
        "Item": {**_key(key), **wrap_all(attributes)},
        "ConditionExpression": condition,
    }
    if values:
        arguments["ExpressionAttributeValues"] = wrap_all(values)
    if names:
        arguments["ExpressionAttributeNames"] = dict(names)
    return arguments


def delete(key: Key, condition: str, values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a conditional delete, alone or in a transaction."""
    return {
        "Key": _key(key),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": dict(names),
        "ExpressionAttributeValues": {name: wrap(value) for name, value in values.items() if name in condition},
    }


class Table:
    """One table. `make_client` is called at the first use."""

    def __init__(self, make_client: Callable[[], Any], name: str) -> None:
        self._make_client = make_client
        self._name = name

    def get(self, key: Key) -> dict[str, Any] | None:
        """One item, read consistently."""
        answer = self._do("get_item", Key=_key(key), ConsistentRead=True)
        return unwrap_all(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, *, prefix: str = "") -> Iterator[dict[str, Any]]:
        """The items of a partition, read consistently, page after page."""
        arguments: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            "ExpressionAttributeValues": wrap_all({":pk": pk, ":prefix": prefix or None}),
            "ConsistentRead": True,
        }
        while True:
            page = self._do("query", **arguments)
            yield from map(unwrap_all, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def update(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A conditional update; the item as it is now. Raises `ConditionFailed`."""
        answer = self._do(
            "update_item",
            **arguments,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return unwrap_all(answer["Attributes"])

    def put(self, arguments: Mapping[str, Any]) -> None:
        """A conditional put. Raises `ConditionFailed`."""
        self._do("put_item", **arguments, ReturnValuesOnConditionCheckFailure="ALL_OLD")

    def delete(self, arguments: Mapping[str, Any]) -> None:
        """A conditional delete. Raises `ConditionFailed`."""
        self._do("delete_item", **arguments, ReturnValuesOnConditionCheckFailure="ALL_OLD")

    def transact(self, writes: Sequence[tuple[str, Mapping[str, Any]]], token: str) -> None:
        """All of the writes or none; `token` makes a repeated call the same one. Raises `TransactionRefused`."""
        items = [{kind: {**arguments, "TableName": self._name}} for kind, arguments in writes]
        try:
            self._make_client().transact_write_items(TransactItems=items, ClientRequestToken=token)
        except ClientError as error:
            if error_code(error) != TRANSACTION_CANCELED:
                raise _unavailable(error) from None
            reasons = error.response.get("CancellationReasons", [])
            raise TransactionRefused(tuple(str(reason.get("Code", "None")) for reason in reasons)) from None
        except BotoCoreError as error:
            raise _unavailable(error) from None

    def _do(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._make_client(), operation)(TableName=self._name, **arguments)
            return answer
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise _unavailable(error) from None
            found = error.response.get("Item")
            raise ConditionFailed(unwrap_all(found) if found else None) from None  # type: ignore[arg-type]
        except BotoCoreError as error:
            raise _unavailable(error) from None
