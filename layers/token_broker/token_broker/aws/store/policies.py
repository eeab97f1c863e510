"""Store trust policies and preview origins, in one item for each merchant: `policy#{merchant}` / `policy`.

Earlier versions refuse a document with an unknown member, and with it every storefront of the merchant. So each newer
part of a policy is an attribute beside `document`. An update leaves the attributes alone that it does not name.

`revision` guards changes of the policy, and `previewChangeId` those of the preview origins. A deleted policy keeps its
item with the revision. This way revisions never repeat, and an old ETag never matches again.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from token_broker.aws.store.attributes import Key
from token_broker.aws.store.table import ConditionFailed, Table, update
from token_broker.clock import Clock
from token_broker.ports.documents import Revisioned, StoredPolicy

#: The members of a policy that are attributes of their own.
_BESIDE = ("shop",)


class DynamoPolicies(NamedTuple):
    """Store trust policies in DynamoDB."""

    table: Table
    clock: Clock

    def read(self, merchant: str) -> Revisioned[Mapping[str, Any]]:
        """Read the policy consistently."""
        item = self.table.get(_key(merchant))
        if item is None:
            return Revisioned()
        return Revisioned(_document(item), item["revision"], item.get("changedBy", ""))

    def read_all(self, merchant: str) -> StoredPolicy:
        """Read the policy and its preview origins consistently."""
        item = self.table.get(_key(merchant)) or {}
        return StoredPolicy(_document(item), item.get("previewOrigins", {}), item.get("previewChangeId", ""))

    def replace(self, merchant: str, new: Revisioned[Mapping[str, Any]], *, expected: int) -> bool:
        """Write the policy if its revision is still the expected one. A deletion ends the preview origins, too."""
        attributes: dict[str, Any] = {
            "revision": new.revision,
            "changedAt": int(self.clock.now()),
            "changedBy": new.changed_by,
            **dict.fromkeys(("document", *_BESIDE)),
        }
        if new.document is None:
            attributes |= {"previewOrigins": None, "previewChangeId": None}
        else:
            attributes["document"] = {name: value for name, value in new.document.items() if name not in _BESIDE}
            attributes |= {name: new.document.get(name) for name in _BESIDE}
        condition = "revision = :seen" if expected else "attribute_not_exists(pk)"
        return self._write(merchant, attributes, "changeId", condition, expected)

    def replace_previews(self, merchant: str, ends: Mapping[str, int], *, expected: str) -> bool:
        """Write the preview origins if their last change is still the expected one and there is a policy."""
        unchanged = "previewChangeId = :seen" if expected else "attribute_not_exists(previewChangeId)"
        condition = f"attribute_exists(#document) AND {unchanged}"
        return self._write(merchant, {"previewOrigins": ends}, "previewChangeId", condition, expected)

    def _write(
        self, merchant: str, attributes: Mapping[str, Any], change: str, condition: str, seen: str | int
    ) -> bool:
        """Set the attributes, and remove those that are None. `change` is the attribute with the id of the change."""
        change_id = os.urandom(16).hex()
        attributes = {change: change_id, **attributes}
        given = [name for name, value in attributes.items() if value is not None]
        gone = [name for name, value in attributes.items() if value is None]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in given)
        if gone:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
        values = {f":{name}": attributes[name] for name in given} | {":seen": seen}
        try:
            self.table.write(update(_key(merchant), expression, condition, values))
        except ConditionFailed as failed:
            # The SDK repeats a write whose response was lost. The repeated write then finds its own change.
            return failed.found is not None and failed.found.get(change) == change_id
        return True


def _key(merchant: str) -> Key:
    return f"policy#{merchant}", "policy"


def _document(item: Mapping[str, Any]) -> Any:
    document = item.get("document")
    beside = {name: item[name] for name in _BESIDE if name in item}
    return {**document, **beside} if document is not None and beside else document
