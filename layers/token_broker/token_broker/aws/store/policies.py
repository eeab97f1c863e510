"""Store trust policies, in one item each: `policy#{merchant}` / `policy`.

`revision` guards every write. A deleted policy keeps its item without the document. This way revisions never repeat,
and an old ETag never matches again.
"""

from collections.abc import Mapping
from typing import Any

from token_broker.aws.store.attributes import Key
from token_broker.aws.store.table import ConditionFailed, Table, Write, put
from token_broker.clock import Clock
from token_broker.domain.ownership_tag import new_owner
from token_broker.domain.revision import StoredPolicy


class DynamoPolicies:
    """Store trust policies in DynamoDB."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def read(self, merchant: str) -> StoredPolicy | None:
        """Read the policy consistently."""
        item = self._table.get(_key(merchant))
        if item is None:
            return None
        return StoredPolicy(
            document=item.get("document"), revision=item["revision"], changed_by=item.get("changedBy", "")
        )

    def replace(self, merchant: str, policy: StoredPolicy, *, expected: int) -> bool:
        """Write the policy if its revision is still the expected one."""
        attributes = {
            "revision": policy.revision,
            "document": policy.document,
            "changedAt": int(self._clock.now()),
            "changedBy": policy.changed_by,
            "changeId": new_owner(),
        }
        try:
            self._table.write(_guarded(_key(merchant), attributes, expected))
        except ConditionFailed as failed:
            # The SDK repeats a write whose response was lost. The repeated write then finds its own change.
            return failed.found is not None and failed.found.get("changeId") == attributes["changeId"]
        return True


def _key(merchant: str) -> Key:
    return f"policy#{merchant}", "policy"


def _guarded(key: Key, attributes: Mapping[str, Any], expected: int) -> Write:
    if expected == 0:
        return put(key, attributes, "attribute_not_exists(pk)")
    return put(key, attributes, "revision = :seen", {":seen": expected})
