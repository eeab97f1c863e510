"""Store the merchants' rotation settings, in one item each: `settings#rotation`.

The item is due when the worker checks the token's age. `revision` guards each change and each check, so that no
concurrent change is lost.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from token_broker.aws.store import records
from token_broker.aws.store.items import DAY, ProviderItems
from token_broker.aws.store.table import ConditionFailed, update
from token_broker.domain.rotation import RotationSettings

if TYPE_CHECKING:
    from token_broker.aws.store.documents import DynamoDocuments
    from token_broker.ports.documents import Revisioned

#: The default overlap. It is longer than every cache, and leaves time to rebuild a site.
OVERLAP = 7 * DAY


class RotationSchedules(ProviderItems):
    """Store the settings with their revision and due time."""

    @property
    def settings(self) -> "DynamoDocuments[RotationSettings]":
        """Return the store of the settings."""
        from token_broker.aws.store.documents import DynamoDocuments

        key = partial(records.settings_key, self._provider)
        return DynamoDocuments(self._table, self._clock, key=key, decode=_decode, encode=_encode)

    def rotation_settings(self, merchant: str) -> RotationSettings:
        """Read the settings consistently."""
        stored = self.settings.read(merchant).document
        return RotationSettings(overlap=OVERLAP) if stored is None else stored

    def reschedule_settings_check(
        self, merchant: str, expected: "Revisioned[RotationSettings]", due_at: int | None
    ) -> None:
        """Change only the due time."""
        expression = "REMOVE due, dueAt" if due_at is None else "SET dueAt = :due"
        values = {":revision": expected.revision, ":seen": expected.due_at, ":due": due_at}
        key = records.settings_key(self._provider, merchant)
        with suppress(ConditionFailed):  # another call changed or checked them
            self._table.update(update(key, expression, "revision = :revision AND dueAt = :seen", values))


def _decode(item: Mapping[str, Any]) -> RotationSettings:
    return RotationSettings(max_age=item.get("maxAge"), overlap=item["overlap"], paused=item["paused"])


def _encode(settings: RotationSettings) -> Mapping[str, Any]:
    return {"maxAge": settings.max_age, "overlap": settings.overlap, "paused": settings.paused}
