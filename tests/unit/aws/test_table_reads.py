"""How the table is read: emulators are always consistent, so that no other test would notice a read that is not."""

from typing import Any

from token_broker.aws.store.table import Table


class Client:
    """Remembers what it was asked for; a query has two pages."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        return {}

    def query(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(dict(arguments))
        key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
        return {"Items": [key], **({} if "ExclusiveStartKey" in arguments else {"LastEvaluatedKey": key})}


def test_an_item_and_every_page_of_a_partition_are_read_consistently() -> None:
    """What is decided on them (who mints, what is served, what has a record) must not be of a moment ago."""
    client = Client()
    table = Table(lambda: client, "tokens")

    table.get(("p", "s"))
    assert len(list(table.query("p", prefix="token#"))) == 2

    assert [call.get("ConsistentRead") for call in client.asked] == [True, True, True]


def test_the_due_index_is_read_as_an_index_can_be() -> None:
    """DynamoDB refuses a consistent read of a global index."""
    client = Client()

    pages = list(Table(lambda: client, "tokens").query_index("due", "due#1", 7, limit=10))

    assert len(pages) == 2
    assert ["ConsistentRead" in call for call in client.asked] == [False, False]
    assert [call["Limit"] for call in client.asked] == [10, 10]
