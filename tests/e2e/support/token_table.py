"""Looking into the deployed table, with plain values."""

from typing import Any

from boto3.dynamodb.types import TypeDeserializer

type Items = dict[tuple[str, str], dict[str, Any]]

_PLAIN = TypeDeserializer().deserialize


class TokenTable:
    """Reads as the account's administrator does. Items are shown without their keys, under `(pk, sk)`."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self._dynamodb = dynamodb
        self.name = name

    def partition(self, pk: str) -> dict[str, dict[str, Any]]:
        """Return the items of a partition by their sort key."""
        return {sk: item for (found, sk), item in self.everything().items() if found == pk}

    def merchant(self, provider: str, merchant: str) -> Items:
        """All that is kept of a merchant at a provider, its sessions included."""
        own = f"{provider}#{merchant}"
        return {key: item for key, item in self.everything().items() if key[0] == own or key[0].startswith(f"{own}#")}

    def everything(self) -> Items:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        plain = ({name: _PLAIN(value) for name, value in item.items()} for page in pages for item in page["Items"])
        return {(str(item.pop("pk")), str(item.pop("sk"))): item for item in plain}

    def due(self) -> set[tuple[str, str]]:
        """Return the keys that the index `due` lists."""
        return {
            (item["pk"]["S"], item["sk"]["S"])
            for shard in range(16)
            for item in self._dynamodb.query(
                TableName=self.name,
                IndexName="due",
                KeyConditionExpression="due = :due",
                ExpressionAttributeValues={":due": {"S": f"due#{shard}"}},
            )["Items"]
        }
