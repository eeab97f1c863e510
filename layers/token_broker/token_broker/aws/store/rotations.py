"""Rotations: the wish that stands in the table until the token is another, and how a merchant wants it to happen."""

import os
from contextlib import suppress
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import DAY, ProviderItems, Write
from token_broker.aws.store.table import ConditionFailed, TransactionRefused, check, put, update
from token_broker.domain.events import rotation_failed
from token_broker.domain.leases import SubjectState
from token_broker.domain.rotation import Rotation, RotationSettings
from token_broker.domain.token import SHOP

#: How long a replaced token works on where nobody has said otherwise: longer than every cache, and time to build again.
OVERLAP = 7 * DAY


class Rotations(ProviderItems):
    """One item a merchant: the open rotation, or the last one."""

    def rotation(self, merchant: str) -> Rotation | None:
        """One consistent read."""
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
        """On the state of the subject that was seen: what is published meanwhile is not what was to be replaced."""
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
        except TransactionRefused:
            return False
        return True

    def reschedule_rotation(self, rotation: Rotation, due_at: int, failure: str) -> None:
        """Another time, and one more try counted."""
        expression = "SET dueAt = :due, failure = :failure ADD tries :one"
        written = self._written(rotation, expression, {":due": due_at, ":failure": failure, ":one": 1})
        with suppress(ConditionFailed, TransactionRefused):  # another has taken its place, or ended it
            if rotation.tries:
                self._table.update(written)
            else:
                written["ConditionExpression"] += (
                    " AND attribute_not_exists(tries)"  # two that fail at once tell it once
                )
                told = self._failed(rotation, failure, retrying=True)
                self._table.transact([("Update", written), told], token=os.urandom(16).hex())

    def end_rotation(self, rotation: Rotation, failure: str | None = None) -> None:
        """Due no more. It stays, so that who asks within a minute of it joins it."""
        if failure is None:
            with suppress(ConditionFailed):
                self._table.update(self._written(rotation, "SET endedAt = :now REMOVE due, dueAt, failure", {}))
            return
        values = {":failure": failure}
        written = self._written(rotation, "SET endedAt = :now, failure = :failure REMOVE due, dueAt", values)
        with suppress(TransactionRefused):
            told = self._failed(rotation, failure, retrying=False)
            self._table.transact([("Update", written), told], token=os.urandom(16).hex())

    def rotation_settings(self, merchant: str) -> RotationSettings:
        """One consistent read."""
        item = self._table.get(records.settings_key(self._provider, merchant)) or {}
        return RotationSettings(
            max_age=item.get("maxAge"), overlap=item.get("overlap", OVERLAP), paused=item.get("paused", False)
        )

    def _written(self, rotation: Rotation, expression: str, values: dict[str, Any]) -> dict[str, Any]:
        given = {**values, ":id": rotation.rotation_id, ":now": self._now()}
        condition = "rotationId = :id AND attribute_exists(dueAt)"
        return update(self._rotation_key(rotation.merchant), expression, condition, given)

    def _failed(self, rotation: Rotation, code: str, *, retrying: bool) -> Write:
        rotation_id, at = rotation.rotation_id, self._clock.now()
        merchant = rotation.merchant
        event = rotation_failed(self._provider, merchant, rotation_id=rotation_id, code=code, retrying=retrying, at=at)
        return self._outbox_put(event)

    def _rotation_key(self, merchant: str) -> Key:
        return records.rotation_key(self._provider, merchant)
