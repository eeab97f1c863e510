"""Read the subjects' state, the tokens' records and this stack's id."""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.table import ConditionFailed, put
from token_broker.domain.leases import SubjectState
from token_broker.domain.ownership_tag import new_broker_id
from token_broker.domain.token import SHOP, Token


class Reading(ProviderItems):
    """Read consistently, with one request for each read."""

    _broker_id: str | None = None

    def subject_state(self, merchant: str, subject: str) -> SubjectState:
        """Read one item for a shop, or a partition of two or three items for a session."""
        key = records.subject_key(self._provider, merchant, subject)
        if subject == SHOP:
            item = self._table.get(key) or {}
            current = item.get("current")
            return SubjectState(
                token=None if current is None else records.token_of(current),
                checked_at=item.get("checkedAt", 0),
                fence=item.get("fence", 0),
                **_lease_fields(item),
            )
        items = {item["sk"]: item for item in self._table.query(key[0])}
        state = items.pop(key[1], {})
        tokens = [records.token_of(item) for sk, item in items.items() if sk.startswith("token#")]
        return SubjectState(
            token=max(tokens, key=lambda token: token.expires_at or 0, default=None),
            closed="closedAt" in state,
            fence=state.get("fence", 0),
            **_lease_fields(state),
        )

    def get_token(self, merchant: str, token_id: str) -> Token | None:
        """Read a shop-wide token's record."""
        item = self._table.get(self._token_key(merchant, SHOP, token_id))
        return None if item is None else records.token_of(item)

    def all_tokens(self, merchant: str) -> list[Token]:
        """Read all records of shop-wide tokens, including those in their retention."""
        pk = records.partition(self._provider, merchant)
        return [records.token_of(item) for item in self._table.query(pk, prefix="token#")]

    def broker_id(self) -> str:
        """Return the id, which is read once in a process and created by the first caller."""
        if self._broker_id is None:
            item = self._table.get(records.BROKER_KEY) or self._create_broker_id()
            self._broker_id = str(item["brokerId"])
        return self._broker_id

    def _create_broker_id(self) -> dict[str, Any]:
        created = {"brokerId": new_broker_id()}
        try:
            self._table.put(put(records.BROKER_KEY, created, "attribute_not_exists(pk)"))
        except ConditionFailed as failure:
            return failure.found or created
        return created


def _lease_fields(item: dict[str, Any]) -> dict[str, Any]:
    """Return the lease's expiry and the open intent as fields of `SubjectState`."""
    return {"lease_expires_at": item["leaseEnd"] if "owner" in item else 0, "has_open_intent": "intentId" in item}
