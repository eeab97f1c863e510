"""Store the merchants' rotation settings, in one item each: `settings#rotation`.

The item is due when the worker checks the token's age. `revision` guards each change and each check, so that no
concurrent change is lost.
"""

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.table import ConditionFailed, put
from token_broker.domain.ownership_tag import new_owner
from token_broker.domain.rotation import RotationSchedule, RotationSettings


class DynamoRotationSettings:
    """Store the settings with their revision and due time."""

    def __init__(self, items: ProviderItems) -> None:
        self._items = items
        self._table = items.table

    def get(self, merchant: str) -> RotationSchedule | None:
        """Read the item consistently."""
        item = self._table.get(records.settings_key(self._items.provider, merchant))
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

    def replace(self, merchant: str, schedule: RotationSchedule, *, expected: int) -> bool:
        """Write the settings if the revision is still the expected one."""
        key, settings = records.settings_key(self._items.provider, merchant), schedule.settings
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
            self._table.write(put(key, attributes, condition, {":seen": expected} if expected else None))
        except ConditionFailed as failed:
            # The SDK repeats a write whose response was lost. The repeated write then finds its own change.
            return failed.found is not None and failed.found.get("changeId") == attributes["changeId"]
        return True
