"""Store rotation requests."""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import StorePart, unchanged
from token_broker.aws.store.table import check, put, update
from token_broker.domain.leases import SubjectState
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP


class DynamoRotations(StorePart):
    """Keep one item for each merchant: the open rotation, or the last one."""

    def get(self, merchant: str) -> Rotation | None:
        """Read the item consistently."""
        item = self._table.get(self._items.shop_key(merchant, records.ROTATION))
        if item is None:
            return None
        return Rotation(
            merchant=merchant,
            rotation_id=item["rotationId"],
            replaces=item.get("replaces"),
            compromised=item["compromised"],
            requested_by=item["requestedBy"],
            requested_at=item["requestedAt"],
            due_at=item.get("dueAt", 0),
            open="dueAt" in item,
            tries=item.get("tries", 0),
            failure=item.get("failure"),
        )

    def request(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        """Store the request in one transaction with a check of the subject's fence."""
        key = self._items.shop_key(rotation.merchant, records.ROTATION)
        attributes = {
            "rotationId": rotation.rotation_id,
            "replaces": rotation.replaces,
            "compromised": rotation.compromised,
            "requestedBy": rotation.requested_by,
            "requestedAt": rotation.requested_at,
            "due": records.due_shard(key[0]),
            "dueAt": rotation.due_at,
        }
        condition: str = "attribute_not_exists(pk)"
        values: dict[str, Any] = {}
        if previous is not None:
            condition, values = "rotationId = :before", {":before": previous.rotation_id}
        subject = records.subject_key(self._items.provider, rotation.merchant, SHOP)
        return self._table.try_transact(put(key, attributes, condition, values), check(subject, *unchanged(expected)))

    def end(self, rotation: Rotation, failure: str | None = None) -> None:
        """Remove the due time and keep the item, so that a request within a minute joins the rotation."""
        removed = "due, dueAt, failure" if failure is None else "due, dueAt"
        stored = "endedAt = :now" if failure is None else "endedAt = :now, failure = :failure"
        values = {":id": rotation.rotation_id, ":now": self._items.now(), ":failure": failure}
        key = self._items.shop_key(rotation.merchant, records.ROTATION)
        ended = update(key, f"SET {stored} REMOVE {removed}", "rotationId = :id AND attribute_exists(dueAt)", values)
        if failure is None:
            self._table.try_write(ended)
        else:
            self._table.try_transact(ended, self._items.rotation_failure(rotation, failure, retrying=False))
