"""Inject faults into a stack's calls to AWS, move its time, and run its dispatcher."""

import json
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from sandbox.fault_proxy import FaultProxyClient
from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.token_table import TokenTable

#: Seconds for one round of pending work. A first call is a cold start, and the machine may be busy.
PATIENCE = 60.0
#: The dispatcher runs at most this often until no work is due.
ROUNDS = 6
#: The attributes that hold the due time of pending work, of a lease or of an intent.
_TIMES = ("dueAt", "leaseEnd", "intentEnd")
DUE_SHARDS = 16
#: Later than anything is due.
FAR = 1 << 40
#: Always due again, a day later.
DAILY = "reconciliation#shop"
#: Due a month later, unless a migration goes on.
PAIR = "pair#shop"

_PLAIN = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Bench:
    """Everything by which such a test acts and sees."""

    stack: Stack
    proxy: FaultProxyClient
    control: ControlClient
    merchants: Merchants
    table: TokenTable
    dynamodb: Any

    def calls(self, merchant: str) -> list[str]:
        """Return the AWS calls about a merchant in their order, including repetitions."""
        return [each["operation"] for each in self.proxy.calls(merchant)]

    def bring_forward(self, merchants: Collection[str]) -> None:
        """As if two minutes had passed: leases end, and what waits is due."""
        past = {"N": str(int(time.time()) - 121)}
        for (pk, sk), item in self.table.everything().items():
            if _merchant_of(pk) not in merchants or sk == DAILY:
                continue
            for name in set(_TIMES) & set(item) - ({"dueAt"} if _idle(sk, item) else set()):
                with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):  # it is over meanwhile
                    self.dynamodb.update_item(
                        TableName=self.table.name,
                        Key={"pk": {"S": pk}, "sk": {"S": sk}},
                        UpdateExpression=f"SET {name} = :past",
                        ConditionExpression=f"attribute_exists({name})",
                        ExpressionAttributeValues={":past": past},
                    )

    def settle(self, merchants: Collection[str]) -> None:
        """Move time and run the dispatcher until these merchants have no due work."""
        for _ in range(ROUNDS):
            self.bring_forward(merchants)
            if not self.due(merchants):
                return
            dispatcher_runs.run(self.stack)
            # An item is processed if it is no longer due or if the worker moved its due time.
            deadline = time.monotonic() + PATIENCE
            while self.due(merchants, by=time.time()) and time.monotonic() < deadline:
                time.sleep(0.2)
        left = self.due(merchants)
        assert not left, f"still due after {ROUNDS} runs of the dispatcher: {left}"

    def due(self, merchants: Collection[str], by: float = FAR) -> set[tuple[str, str]]:
        """Return the keys of the merchants' pending work that is due by that time (Unix seconds)."""
        keys = set()
        for shard in range(DUE_SHARDS):
            found = self.dynamodb.query(
                TableName=self.table.name,
                IndexName="due",
                KeyConditionExpression="due = :due AND dueAt <= :by",
                ExpressionAttributeValues={":due": {"S": f"due#{shard}"}, ":by": {"N": str(int(by))}},
            )
            keys |= {(item["pk"]["S"], item["sk"]["S"]) for item in found["Items"]}
        keys = {(pk, sk) for pk, sk in keys if _merchant_of(pk) in merchants and sk != DAILY}
        return {(pk, sk) for pk, sk in keys if sk != PAIR or not _idle(sk, self.partition(pk).get(sk, {}))}

    def forget(self, pk: str, sk: str) -> None:
        """Take an item out of the table, as an accident would."""
        self.dynamodb.delete_item(TableName=self.table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    def partition(self, pk: str) -> dict[str, dict[str, Any]]:
        """Return the items of a partition by their sort key, without reading the whole table."""
        found = self.dynamodb.query(
            TableName=self.table.name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
        )
        plain = ({name: _PLAIN(value) for name, value in item.items()} for item in found["Items"])
        return {str(item["sk"]): {name: item[name] for name in item if name not in ("pk", "sk")} for item in plain}


def bench_of(stack: Stack) -> Bench:
    """Return the bench of a stack that was started with the fault proxy."""
    addresses = json.loads((stack.folder / "fault_proxy.json").read_text())
    assert stack.control_url is not None, "these tests need a stack with simulators"
    control, dynamodb = ControlClient(stack.control_url), stack.client("dynamodb")
    return Bench(
        stack=stack,
        proxy=FaultProxyClient(addresses["control"]),
        control=control,
        merchants=Merchants(control, stack.client("secretsmanager"), stack.described["secretPrefix"]),
        table=TokenTable(dynamodb, stack.described["table"]),
        dynamodb=dynamodb,
    )


def _idle(sk: str, item: dict[str, Any]) -> bool:
    """Return whether this is a pair that is renewed only because nobody uses it."""
    return sk == PAIR and "migrating" not in item


def _merchant_of(pk: str) -> str:
    """Return the merchant in a partition key such as `{provider}#{merchant}#session:{id}` or `outbox#…`."""
    parts = pk.removeprefix("outbox#").split("#")
    return parts[1] if len(parts) > 1 else ""
