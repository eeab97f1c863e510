"""Call DynamoDB for the store, and translate its errors."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from token_broker.aws.store.attributes import Item, Key, unwrap_all, wrap, wrap_all
from token_broker.errors import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from token_broker.aws.session import ClientError

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"
TRANSACTION_CONFLICT = "TransactionConflictException"
#: The reason code of a write whose condition canceled the transaction.
UNMET = "ConditionalCheckFailed"
CONFLICT_TRIES = 3
#: Seconds, times the number of the attempt. The other transaction takes about 10 ms.
CONFLICT_WAIT = 0.05

_PLACEHOLDER = re.compile(r"[:#]\w+")
_READS = {"GetItem": "get_item", "Query": "query"}
_OPERATIONS = {"Update": "update_item", "Put": "put_item", "Delete": "delete_item"}


class ConditionFailed(Exception):
    """Report that a write's condition was not met. `found` is the item as plain values, or None if there is none."""

    def __init__(self, found: dict[str, Any] | None) -> None:
        super().__init__("condition failed")
        self.found = found


class TransactionRejected(Exception):
    """Report that a condition of a transaction was not met, so that nothing was changed.

    `reasons` holds AWS's code for each write: `UNMET` if its condition was not met, else the text "None".
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("transaction rejected")
        self.reasons = reasons


def _key(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _unavailable(code: str) -> StorageUnavailable:
    detail = "The token table did not respond. No token was returned. Try again."
    return StorageUnavailable(detail, causes=(f"DynamoDB: {code}",))


#: One write: its kind and its arguments, alone or in a transaction.
type Write = tuple[str, dict[str, Any]]


def update(key: Key, expression: str, condition: str, values: Mapping[str, Any]) -> Write:
    """Build a conditional update. Only the values that the expressions name are sent, as DynamoDB demands."""
    return "Update", _guarded({"Key": _key(key), "UpdateExpression": expression}, condition, values)


def put(key: Key, attributes: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None) -> Write:
    """Build a conditional put of a whole item."""
    return "Put", _guarded({"Item": {**_key(key), **wrap_all(attributes)}}, condition, values or {})


def delete(key: Key, condition: str, values: Mapping[str, Any]) -> Write:
    """Build a conditional delete."""
    return "Delete", _guarded({"Key": _key(key)}, condition, values)


def check(key: Key, condition: str, values: Mapping[str, Any]) -> Write:
    """Build a transaction's condition check, which changes nothing."""
    return "ConditionCheck", _guarded({"Key": _key(key)}, condition, values)


def _guarded(arguments: dict[str, Any], condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Add the condition, and what the placeholders stand for. `#owner` stands for the attribute `owner`."""
    placeholders = set(_PLACEHOLDER.findall(f"{arguments.get('UpdateExpression', '')} {condition}"))
    used = {name: wrap(value) for name, value in values.items() if name in placeholders}
    names = {each: each[1:] for each in placeholders if each.startswith("#")}
    return {
        **arguments,
        "ConditionExpression": condition,
        **({"ExpressionAttributeValues": used} if used else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
    }


class Table:
    """Read and write one table. Each method raises `StorageUnavailable` if DynamoDB fails.

    `make_client` returns the process's client and is first called when botocore is needed. `fast_read` takes the name
    and the arguments of a consistent read, and returns the response, or None if botocore has to read.
    """

    def __init__(
        self,
        make_client: Callable[[], Any],
        name: str,
        sleep: Callable[[float], None] = time.sleep,
        fast_read: Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None] | None = None,
    ) -> None:
        self._make_client = make_client
        self._name = name
        self._sleep = sleep
        self._fast_read = fast_read

    def get(self, key: Key) -> dict[str, Any] | None:
        """Return one item, read consistently, or None if there is none."""
        return self._read("GetItem", {"Key": _key(key), "ConsistentRead": True}, _item)

    def query(self, pk: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """Return the items of a partition, read consistently, page by page."""
        arguments: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            "ExpressionAttributeValues": wrap_all({":pk": pk, ":prefix": prefix or None}),
            "ConsistentRead": True,
        }
        while True:
            items, last = self._read("Query", arguments, _page)
            yield from items
            if last is None:
                return
            arguments["ExclusiveStartKey"] = last

    def query_index(self, index: str, shard: str, until: int, *, limit: int) -> Iterator[list[dict[str, Any]]]:
        """Return one shard's entries of the index that are due by `until`, oldest first, page by page.

        The index is eventually consistent, so a caller reads the item itself before it acts.
        """
        arguments: dict[str, Any] = {
            "IndexName": index,
            "KeyConditionExpression": "due = :shard AND dueAt <= :until",
            "ExpressionAttributeValues": wrap_all({":shard": shard, ":until": until}),
            "Limit": limit,
        }
        while True:
            items, last = _page(self._request("query", **arguments))
            yield items
            if last is None:
                return
            arguments["ExclusiveStartKey"] = last

    def _read[T](self, operation: str, arguments: Mapping[str, Any], take: Callable[[Mapping[str, Any]], T]) -> T:
        """Return what `take` finds in the response. A response in which it does not is read again by botocore."""
        if self._fast_read is not None:
            response = self._fast_read(operation, {"TableName": self._name, **arguments})
            if response is not None:
                with suppress(AttributeError, LookupError, TypeError, ValueError):
                    return take(response)
        return take(self._request(_READS[operation], **arguments))

    def write(self, write: Write) -> dict[str, Any]:
        """Write one item, and return the new state of an updated item. Raises `ConditionFailed`."""
        kind, arguments = write
        returned = {"ReturnValues": "ALL_NEW"} if kind == "Update" else {}
        response = self._request(
            _OPERATIONS[kind], **arguments, **returned, ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
        return unwrap_all(response.get("Attributes", {}))

    def try_write(self, write: Write) -> bool:
        """Write one item, and return whether its condition was met."""
        try:
            self.write(write)
        except ConditionFailed:
            return False
        return True

    def transact(self, *writes: Write, token: str | None = None) -> None:
        """Write all or nothing. The same `token` makes the same call. Raises `TransactionRejected`."""
        items = [{kind: {**arguments, "TableName": self._name}} for kind, arguments in writes]
        request = {"TransactItems": items, "ClientRequestToken": token or os.urandom(16).hex()}
        self._call("transact_write_items", request)

    def try_transact(self, *writes: Write) -> bool:
        """Write all or nothing, and return whether every condition was met."""
        try:
            self.transact(*writes)
        except TransactionRejected:
            return False
        return True

    def _request(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        return self._call(operation, {"TableName": self._name, **arguments})

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call DynamoDB, and retry after a transaction conflict, because the SDK does not retry it.

        The SDK takes most of a cold start to import, so the first call that needs it does that.
        """
        from token_broker.aws.session import BotoCoreError, ClientError, error_code

        for attempt in range(1, CONFLICT_TRIES + 1):
            try:
                response: Mapping[str, Any] = getattr(self._make_client(), operation)(**arguments)
                return response
            except ClientError as error:
                failure = _error_from(error, error_code(error))
            except BotoCoreError as error:
                raise _unavailable(error_code(error)) from None
            if failure is not None:
                raise failure
            if attempt < CONFLICT_TRIES:
                self._sleep(CONFLICT_WAIT * attempt)
        raise StorageUnavailable("The token table was too busy. No token was returned. Try again.")


def _item(response: Mapping[str, Any]) -> dict[str, Any] | None:
    return unwrap_all(response["Item"]) if "Item" in response else None


def _page(response: Mapping[str, Any]) -> tuple[list[dict[str, Any]], Item | None]:
    """Return a page's items, and the last key if there are more."""
    return [unwrap_all(item) for item in response["Items"]], response.get("LastEvaluatedKey")


def _error_from(error: ClientError, code: str) -> Exception | None:
    """Return the error to raise, or None if the call can be retried."""
    if code == CONDITION_FAILED:
        found = error.response.get("Item")
        return ConditionFailed(unwrap_all(found) if found else None)  # type: ignore[arg-type]
    if code == TRANSACTION_CANCELED:
        reasons = tuple(str(reason.get("Code", "None")) for reason in error.response.get("CancellationReasons", []))
        return TransactionRejected(reasons) if UNMET in reasons else None
    return None if code == TRANSACTION_CONFLICT else _unavailable(code)
