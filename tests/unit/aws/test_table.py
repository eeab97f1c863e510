"""What the table asks DynamoDB for. Emulators are always consistent, so no other test notices a read that is not."""

from typing import Any

from token_broker.aws.store.table import Table, put, update


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


def test_a_write_sends_what_its_expressions_name_and_nothing_else() -> None:
    """DynamoDB refuses a value or a name that no expression uses. `:due` is not used in `:dueAt`."""
    values = {":due": 1, ":dueAt": 2, ":seen": 3, ":one": 1}

    kind, arguments = update(("p", "s"), "SET dueAt = :dueAt", "#owner = :seen", values)

    assert (kind, arguments["ExpressionAttributeNames"]) == ("Update", {"#owner": "owner"})
    assert arguments["ExpressionAttributeValues"] == {":dueAt": {"N": "2"}, ":seen": {"N": "3"}}


def test_a_write_without_placeholders_sends_neither_values_nor_names() -> None:
    _, arguments = put(("p", "s"), {"a": 1}, "attribute_not_exists(pk)", {":unused": 1})

    assert arguments.keys() == {"Item", "ConditionExpression"}
