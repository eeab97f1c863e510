"""Store rotation requests."""

import os
from contextlib import suppress
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import ProviderItems, Write
from token_broker.aws.store.table import ConditionFailed, TransactionRejected, check, put, update
from token_broker.domain.events import rotation_failed
from token_broker.domain.leases import SubjectState
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP


class Rotations(ProviderItems):
    """Keep one item for each merchant: the open rotation, or the last one."""

    def rotation(self, merchant: str) -> Rotation | None:
        """Read the item consistently."""
        item = self._table.get(self._rotation_key(merchant))
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

    def request_rotation(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        """Store the request in one transaction with a check of the subject's fence."""
        key = self._rotation_key(rotation.merchant)
        attributes = {
            "rotationId": rotation.rotation_id,
            "replaces": rotation.replaces,
            "compromised": rotation.compromised,
            "requestedBy": rotation.requested_by,
            "requestedAt": rotation.requested_at,
            "due": records.due_shard(key[0]),
            "dueAt": rotation.due_at,
        }
        if previous is None:
            written = put(key, attributes, "attribute_not_exists(pk)")
        else:
            written = put(key, attributes, "rotationId = :before", {":before": previous.rotation_id})
        subject = records.subject_key(self._provider, rotation.merchant, SHOP)
        unchanged = "fence = :seen" if expected.fence else "attribute_not_exists(fence)"
        writes = [("Put", written), ("ConditionCheck", check(subject, unchanged, {":seen": expected.fence}))]
        try:
            self._table.transact(writes, token=os.urandom(16).hex())
        except TransactionRejected:
            return False
        return True

    def reschedule_rotation(self, rotation: Rotation, due_at: int, failure: str) -> None:
        """Change the due time and count the try. The first failure is stored with its event."""
        expression = "SET dueAt = :due, failure = :failure ADD tries :one"
        written = self._open_rotation_update(rotation, expression, {":due": due_at, ":failure": failure, ":one": 1})
        with suppress(ConditionFailed, TransactionRejected):  # another call replaced or ended it
            if rotation.tries:
                self._table.update(written)
            else:
                # Two calls that fail at the same time emit one event.
                written["ConditionExpression"] += " AND attribute_not_exists(tries)"
                event_write = self._failure_event(rotation, failure, retrying=True)
                self._table.transact([("Update", written), event_write], token=os.urandom(16).hex())

    def end_rotation(self, rotation: Rotation, failure: str | None = None) -> None:
        """Remove the due time and keep the item, so that a request within a minute joins the rotation."""
        if failure is None:
            with suppress(ConditionFailed):
                self._table.update(
                    self._open_rotation_update(rotation, "SET endedAt = :now REMOVE due, dueAt, failure", {})
                )
            return
        values = {":failure": failure}
        written = self._open_rotation_update(
            rotation, "SET endedAt = :now, failure = :failure REMOVE due, dueAt", values
        )
        with suppress(TransactionRejected):
            event_write = self._failure_event(rotation, failure, retrying=False)
            self._table.transact([("Update", written), event_write], token=os.urandom(16).hex())

    def _open_rotation_update(self, rotation: Rotation, expression: str, values: dict[str, Any]) -> dict[str, Any]:
        all_values = {**values, ":id": rotation.rotation_id, ":now": self._now()}
        condition = "rotationId = :id AND attribute_exists(dueAt)"
        return update(self._rotation_key(rotation.merchant), expression, condition, all_values)

    def _failure_event(self, rotation: Rotation, code: str, *, retrying: bool) -> Write:
        rotation_id, at = rotation.rotation_id, self._clock.now()
        merchant = rotation.merchant
        event = rotation_failed(self._provider, merchant, rotation_id=rotation_id, code=code, retrying=retrying, at=at)
        return self._outbox_put(event)

    def _rotation_key(self, merchant: str) -> Key:
        return records.rotation_key(self._provider, merchant)
