"""Build the keys and the writes that all parts of the store share."""

from typing import Any, NamedTuple

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.outbox_items import outbox_put
from token_broker.aws.store.table import Table, Write, put, update
from token_broker.clock import Clock
from token_broker.domain.events import Event, rotation_failed
from token_broker.domain.leases import SubjectState
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, Change, State, Token


class ProviderItems(NamedTuple):
    """Build the items of one provider. Retentions are in seconds."""

    table: Table
    provider: str
    clock: Clock
    session_retention: int
    history_retention: int

    def now(self) -> int:
        """Return the time in whole Unix seconds."""
        return int(self.clock.now())

    def token(self, merchant: str, token_id: str) -> Token | None:
        """Read a shop-wide token's record."""
        item = self.table.get(records.token_key(self.provider, merchant, SHOP, token_id))
        return None if item is None else records.token_of(item)

    def shop_key(self, merchant: str, sk: str) -> Key:
        """Return the key of a shop-wide item."""
        return records.partition(self.provider, merchant), sk

    def lease_key(self, merchant: str, subject: str, standing_id: str | None) -> Key:
        """Return the key of the item that holds a lease and its intent."""
        if standing_id is None:
            return records.subject_key(self.provider, merchant, subject)
        return self.shop_key(merchant, f"{records.INTENT}{standing_id}")

    def token_key(self, token: Token) -> Key:
        """Return the key of the token's record."""
        return records.token_key(self.provider, token.merchant, token.subject, token.token_id)

    def due_values(self, pk: str, due_at: int) -> dict[str, Any]:
        """Return the values that make an item of this partition due."""
        return {":due": records.due_shard(pk), ":dueAt": due_at}

    def emit(self, event: Event) -> Write:
        """Return the write that emits the event with its transaction."""
        key, attributes = outbox_put(event)
        return put(key, attributes, "attribute_not_exists(pk)")

    def rotation_failure(self, rotation: Rotation, code: str, *, retrying: bool) -> Write:
        """Return the write that emits `RotationFailed`. `code` is the error's."""
        return self.emit(rotation_failed(self.provider, rotation, code, retrying=retrying, at=self.now()))

    def change_state(
        self, token: Token, state: State, change: Change, changes: str, *, values: dict[str, Any], unless: set[State]
    ) -> Write:
        """Return the update that changes the record's state and adds an entry to its history.

        It is conditional on the state in which the token was read, so that the entry is true, and on no state of
        `unless`.
        """
        excluded = {f":not{number}": each.value for number, each in enumerate(sorted(unless))}
        all_values = {
            ":state": state.value,
            ":before": token.state.value,
            ":now": self.now(),
            ":line": [records.transition(self.now(), change, token.state, state)],
            ":none": [],
            **values,
            **excluded,
        }
        expression = f"SET #state = :state, history = list_append(if_not_exists(history, :none), :line), {changes}"
        condition = f"#state = :before AND NOT #state IN ({', '.join(excluded)})"
        return update(self.token_key(token), expression, condition, all_values)

    def end(self, token: Token, state: State, change: Change, *unless: State) -> Write:
        """Return the update to revoked or lost, which keeps the record without its value until the retention ends."""
        until = {":until": self.now() + self.history_retention}
        changes = "endedAt = :now, expiresAt = :until REMOVE accessToken, due, dueAt"
        return self.change_state(token, state, change, changes, values=until, unless={State.REVOKED, *unless})

    def revoking(self, token: Token, change: Change, ask_from: int | None, *unless: State) -> Write:
        """Return the update to revoking, which removes the TTL, because pending work must not expire."""
        due = self.due_values(self.token_key(token)[0], self.now() if ask_from is None else ask_from)
        changes = (
            "endedAt = :now, revokingAt = if_not_exists(revokingAt, :now), endedWhy = if_not_exists(endedWhy, :why), "
            "due = :due, dueAt = :dueAt REMOVE accessToken, expiresAt"
        )
        values = {":why": change.reason.value, **due}
        return self.change_state(token, State.REVOKING, change, changes, values=values, unless={State.REVOKED, *unless})

    def retiring(self, token: Token, change: Change, until: int) -> Write:
        """Return the update to retiring, with the revocation due at `until`."""
        changes = "retiringAt = :now, due = :due, dueAt = :dueAt"
        due = self.due_values(self.token_key(token)[0], until)
        return self.change_state(token, State.RETIRING, change, changes, values=due, unless=all_but(State.CURRENT))

    def current_removal(self, token: Token) -> Write:
        """Return the update that removes a current token from its subject."""
        key = records.subject_key(self.provider, token.merchant, token.subject)
        values = {":id": token.token_id}
        return update(key, "REMOVE #current", "#current.tokenId = :id", values)


class StorePart:
    """Hold what every part of the store needs."""

    def __init__(self, items: ProviderItems) -> None:
        self._items = items
        self._table = items.table


def unchanged(expected: SubjectState) -> tuple[str, dict[str, Any]]:
    """Return the condition that holds while the subject's fence is as it was read, and its values."""
    condition = "fence = :seen" if expected.fence else "attribute_not_exists(fence)"
    return condition, {":seen": expected.fence}


def all_but(state: State) -> set[State]:
    """Return all other states."""
    return set(State) - {state}
