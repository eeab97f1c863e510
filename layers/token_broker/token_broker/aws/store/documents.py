"""Store documents with a revision, in one item for each merchant.

`revision` guards every write. A deleted document keeps its item without the content. This way revisions never repeat,
and an old ETag never matches again.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from token_broker.aws.store.attributes import Key
from token_broker.aws.store.table import ConditionFailed, Table, put
from token_broker.clock import Clock
from token_broker.ports.documents import Revisioned


class DynamoDocuments[T](NamedTuple):
    """Store the documents of one kind in DynamoDB.

    `key` returns a merchant's key. `decode` returns the document of an item. `encode` returns the attributes of a
    document, which are stored beside its revision.
    """

    table: Table
    clock: Clock
    key: Callable[[str], Key]
    decode: Callable[[Mapping[str, Any]], T | None]
    encode: Callable[[T], Mapping[str, Any]]

    def read(self, merchant: str) -> Revisioned[T]:
        """Read the item consistently."""
        item = self.table.get(self.key(merchant))
        if item is None:
            return Revisioned()
        return Revisioned(self.decode(item), item["revision"], item.get("changedBy", ""), item.get("dueAt"))

    def replace(self, merchant: str, new: Revisioned[T], *, expected: int) -> bool:
        """Write the item if its revision is still the expected one."""
        key = self.key(merchant)
        attributes = {
            "revision": new.revision,
            "changedAt": int(self.clock.now()),
            "changedBy": new.changed_by,
            "changeId": os.urandom(16).hex(),
        }
        if new.document is not None:
            attributes |= self.encode(new.document)
        if new.due_at is not None:
            from token_broker.aws.store.records import due_shard

            attributes |= {"due": due_shard(key[0]), "dueAt": new.due_at}
        condition, values = "revision = :seen", {":seen": expected}
        if expected == 0:
            condition, values = "attribute_not_exists(pk)", {}
        try:
            self.table.write(put(key, attributes, condition, values))
        except ConditionFailed as failed:
            # The SDK repeats a write whose response was lost. The repeated write then finds its own change.
            return failed.found is not None and failed.found.get("changeId") == attributes["changeId"]
        return True
