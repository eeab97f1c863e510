"""Fill a table of its own with many merchants, and open accounts for some of them."""

import itertools
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.errors import CannotMeasureError
from sandbox.local_stack import Stack
from sandbox.simulators.control_client import ControlClient
from token_broker.aws.store.records import RECONCILIATION, due_shard, partition

#: The largest batch of BatchWriteItem.
BATCH = 25
_OF_AN_INDEX = ("IndexName", "KeySchema", "Projection")


class ManyMerchants:
    """Make tables on a local stack."""

    def __init__(self, stack: Stack) -> None:
        if stack.control_url is None:
            raise CannotMeasureError("The stack has no simulators.")
        self._control, self._prefix = ControlClient(stack.control_url), stack.described["secretPrefix"]
        self._dynamodb, self._secrets = stack.client("dynamodb"), stack.client("secretsmanager")
        self._like = self._dynamodb.describe_table(TableName=stack.described["table"])["Table"]

    @contextmanager
    def table(self, merchants: int, accounts: int) -> Iterator[tuple[str, list[str]]]:
        """Yield a table with this many merchants, and the names of those with an account. Remove them afterward.

        The reconciliation of each merchant is due.
        """
        name = f"bench-{uuid.uuid4().hex[:12]}"
        names = [f"{name}-{number}" for number in range(merchants)]
        with ExitStack() as cleanup:
            self._create(name)
            cleanup.callback(self._dynamodb.delete_table, TableName=name)
            self._fill(name, names)
            for merchant in names[:accounts]:
                cleanup.callback(self._close, merchant)
                self._open(merchant)
            yield name, names[:accounts]

    def _create(self, name: str) -> None:
        indexes = [{part: index[part] for part in _OF_AN_INDEX} for index in self._like["GlobalSecondaryIndexes"]]
        self._dynamodb.create_table(
            TableName=name,
            KeySchema=self._like["KeySchema"],
            AttributeDefinitions=self._like["AttributeDefinitions"],
            GlobalSecondaryIndexes=indexes,
            BillingMode="PAY_PER_REQUEST",
        )

    def _fill(self, table: str, merchants: list[str]) -> None:
        for some in itertools.batched(map(_due, merchants), BATCH, strict=False):
            response = self._dynamodb.batch_write_item(RequestItems={table: list(some)})
            if response.get("UnprocessedItems"):
                raise CannotMeasureError("The local table did not take all items. Is this machine very busy?")

    def _open(self, merchant: str) -> None:
        fields = {"shop": f"{merchant}.myshopify.com", "adminAccessToken": f"shpat_of_{merchant}"}
        self._control.put_account("shopify", merchant, **fields)
        self._secrets.create_secret(Name=self._secret(merchant), SecretString=json.dumps(fields))

    def _close(self, merchant: str) -> None:
        self._secrets.delete_secret(SecretId=self._secret(merchant), ForceDeleteWithoutRecovery=True)
        self._control.delete_account("shopify", merchant)

    def _secret(self, merchant: str) -> str:
        return f"{self._prefix}/shopify/{merchant}"


def _due(merchant: str) -> Mapping[str, Any]:
    """Return the request that puts a merchant's reconciliation, due for a long time."""
    pk = partition("shopify", merchant)
    return {
        "PutRequest": {
            "Item": {
                "pk": {"S": pk},
                "sk": {"S": RECONCILIATION},
                "due": {"S": due_shard(pk)},
                "dueAt": {"N": "1"},
            }
        }
    }
