"""Look into the deployed table, with plain values, and move its times."""

import re
import time
from collections.abc import Collection
from contextlib import suppress
from itertools import count
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

type Items = dict[tuple[str, str], dict[str, Any]]

#: Pending work that is due again a day later, and a month later unless a migration goes on.
DAILY, PAIR = "reconciliation#shop", "pair#shop"
DUE_SHARDS = 16
#: Later than anything is due.
FAR = 1 << 40
#: The attributes that hold the due time of pending work, and the end of a lease or of an intent.
_TIMES = {"dueAt", "leaseEnd", "intentEnd"}
#: No two moves give the same time. The queue would drop the second message as a duplicate of the first.
_AGES = count(121, step=121)

_PLAIN = TypeDeserializer().deserialize


class TokenTable:
    """Reads as the account's administrator does. Items are shown without their keys, under `(pk, sk)`."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self.dynamodb = dynamodb
        self.name = name

    def partition(self, pk: str) -> dict[str, dict[str, Any]]:
        """Return the items of a partition by their sort key."""
        found = self.dynamodb.query(
            TableName=self.name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
        )
        return {sk: item for (_, sk), item in _plain(found["Items"]).items()}

    def merchant(self, provider: str, merchant: str) -> Items:
        """All that is kept of a merchant at a provider, its sessions included."""
        own = f"{provider}#{merchant}"
        return {key: item for key, item in self.everything().items() if key[0] == own or key[0].startswith(f"{own}#")}

    def everything(self) -> Items:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return _plain([item for page in pages for item in page["Items"]])

    def due(self, merchants: Collection[str] | None = None, by: float = FAR) -> set[tuple[str, str]]:
        """Return the keys of these or all merchants' pending work that is due by that time (Unix seconds)."""
        keys = set()
        for shard in range(DUE_SHARDS):
            found = self.dynamodb.query(
                TableName=self.name,
                IndexName="due",
                KeyConditionExpression="due = :due AND dueAt <= :by",
                ExpressionAttributeValues={":due": {"S": f"due#{shard}"}, ":by": {"N": str(int(by))}},
            )
            keys |= {(item["pk"]["S"], item["sk"]["S"]) for item in found["Items"]}
        keys = {(pk, sk) for pk, sk in keys if sk != DAILY and (merchants is None or _merchant_of(pk) in merchants)}
        return {(pk, sk) for pk, sk in keys if sk != PAIR or not _idle(sk, self.partition(pk).get(sk, {}))}

    def bring_forward(self, merchants: Collection[str]) -> None:
        """As if two minutes had passed: leases end, and what waits is due, but for daily and monthly work."""
        past = int(time.time()) - next(_AGES)
        for (pk, sk), item in self.everything().items():
            if _merchant_of(pk) not in merchants or sk == DAILY:
                continue
            for name in _TIMES & set(item) - ({"dueAt"} if _idle(sk, item) else set()):
                with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):  # it is over meanwhile
                    self.set_number(pk, sk, name, past)

    def set_number(self, pk: str, sk: str, path: str, value: int) -> None:
        """Change a number that is there. `path` may lead into a map or a list, such as `history[0].at`."""
        names = re.findall("[A-Za-z]+", path)
        place = re.sub("([A-Za-z]+)", r"#\1", path)
        self.dynamodb.update_item(
            TableName=self.name,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression=f"SET {place} = :value",
            ConditionExpression=f"attribute_exists({place})",
            ExpressionAttributeNames={f"#{name}": name for name in names},
            ExpressionAttributeValues={":value": {"N": str(value)}},
        )


def _plain(items: list[dict[str, Any]]) -> Items:
    plain = ({name: _PLAIN(value) for name, value in item.items()} for item in items)
    return {(str(item.pop("pk")), str(item.pop("sk"))): item for item in plain}


def _idle(sk: str, item: dict[str, Any]) -> bool:
    """Return whether this is a pair that is renewed only because nobody uses it."""
    return sk == PAIR and "migrating" not in item


def _merchant_of(pk: str) -> str:
    """Return the merchant in a partition key such as `{provider}#{merchant}#session:{id}` or `outbox#…`."""
    parts = pk.removeprefix("outbox#").split("#")
    return parts[1] if len(parts) > 1 else ""
