"""How merchants want their tokens to be rotated: one item each, `settings#rotation`.

It is due when the clock must look at it. `revision` guards every change, and every look of the clock: a change that
comes meanwhile stays.
"""

from contextlib import suppress

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.table import ConditionFailed, put, update
from token_broker.domain.ownership_tag import new_owner
from token_broker.domain.rotation import RotationSchedule, RotationSettings


class RotationSchedules(ProviderItems):
    """The settings with their revision; `rotation_settings` reads no more of them than a rotation needs."""

    def rotation_schedule(self, merchant: str) -> RotationSchedule | None:
        """One consistent read."""
        item = self._table.get(records.settings_key(self._provider, merchant))
        if item is None:
            return None
        settings = RotationSettings(max_age=item.get("maxAge"), overlap=item["overlap"], paused=item["paused"])
        return RotationSchedule(
            settings=settings,
            revision=item["revision"],
            changed_by=item["changedBy"],
            changed_at=item["changedAt"],
            due_at=item.get("dueAt"),
        )

    def replace_rotation_schedule(self, merchant: str, schedule: RotationSchedule, *, expected: int) -> bool:
        """Write it if the revision is still the one that was `expected`."""
        key, settings = records.settings_key(self._provider, merchant), schedule.settings
        attributes = {
            "maxAge": settings.max_age,
            "overlap": settings.overlap,
            "paused": settings.paused,
            "revision": schedule.revision,
            "changedBy": schedule.changed_by,
            "changedAt": schedule.changed_at,
            "changeId": new_owner(),
            "due": None if schedule.due_at is None else records.due_shard(key[0]),
            "dueAt": schedule.due_at,
        }
        condition = "revision = :seen" if expected else "attribute_not_exists(pk)"
        try:
            self._table.put(put(key, attributes, condition, {":seen": expected} if expected else None))
        except ConditionFailed as failed:
            # The SDK repeats a write whose answer was lost: then it fails on its own success.
            return failed.found is not None and failed.found.get("changeId") == attributes["changeId"]
        return True

    def reschedule_settings_check(self, merchant: str, expected: RotationSchedule, due_at: int | None) -> None:
        """The time alone is written."""
        expression = "REMOVE due, dueAt" if due_at is None else "SET dueAt = :due"
        values = {":revision": expected.revision, ":seen": expected.due_at, ":due": due_at}
        key = records.settings_key(self._provider, merchant)
        with suppress(ConditionFailed):  # changed meanwhile, or looked after by another
            self._table.update(update(key, expression, "revision = :revision AND dueAt = :seen", values))
