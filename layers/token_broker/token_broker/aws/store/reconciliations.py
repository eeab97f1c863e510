"""Schedule reconciliations, and correct records by their results."""

import os
from contextlib import suppress
from copy import replace
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import Write
from token_broker.aws.store.revocations import Revocations
from token_broker.aws.store.table import ConditionFailed, TransactionRejected, check, put, update
from token_broker.domain.events import Event, token_issued, token_revoked
from token_broker.domain.pending import Reconciliation
from token_broker.domain.token import SHOP, Change, State, Token


class Reconciliations(Revocations):
    """Keep one item for each merchant, due once a day. Records change only if their state is as it was read."""

    #: The merchants of this process whose reconciliation is scheduled.
    _scheduled: frozenset[str] = frozenset()

    def schedule_reconciliation(self, merchant: str, due_at: int) -> None:
        """Write once for each merchant in a process."""
        if merchant in self._scheduled:
            return
        key = self._reconciliation_key(merchant)
        values = {":due": records.due_shard(key[0]), ":at": due_at}
        with suppress(ConditionFailed):  # it is already scheduled
            self._table.update(update(key, "SET due = :due, dueAt = :at", "attribute_not_exists(dueAt)", values))
        self._scheduled |= {merchant}

    def reconciliation(self, merchant: str) -> Reconciliation | None:
        """Read the item consistently."""
        item = self._table.get(self._reconciliation_key(merchant))
        if item is None:
            return None
        return Reconciliation(
            merchant=merchant, due_at=item.get("dueAt"), tries=item.get("tries", 0), near_at=item.get("nearAt")
        )

    def complete_reconciliation(
        self, expected: Reconciliation, due_at: int, near_at: int | None, told: Event | None = None
    ) -> None:
        """Store the next due time, and the event in the same transaction."""
        key = self._reconciliation_key(expected.merchant)
        values = {":due": records.due_shard(key[0]), ":at": due_at, ":now": self._now(), ":near": near_at}
        near = " REMOVE tries, nearAt" if near_at is None else ", nearAt = :near REMOVE tries"
        expression = f"SET due = :due, dueAt = :at, reconciledAt = :now{near}"
        written = self._schedule_update(expected, expression, values)
        with suppress(ConditionFailed, TransactionRejected):  # another call has done the same
            if told is None:
                self._table.update(written)
            else:
                self._table.transact([("Update", written), self._outbox_put(told)], token=os.urandom(16).hex())

    def reschedule_reconciliation(self, expected: Reconciliation, due_at: int) -> None:
        """Change the due time and increment the attempt counter."""
        with suppress(ConditionFailed):
            self._table.update(
                self._schedule_update(expected, "SET dueAt = :at ADD tries :one", {":at": due_at, ":one": 1})
            )

    def cancel_reconciliation(self, expected: Reconciliation) -> None:
        """Remove the due time."""
        with suppress(ConditionFailed):
            self._table.update(self._schedule_update(expected, "REMOVE due, dueAt, tries", {}))
        self._scheduled -= {expected.merchant}

    def open_intent_ids(self, merchant: str) -> frozenset[str]:
        """Query the intents of standing tokens, and read the subject's own."""
        items = list(self._table.query(records.partition(self._provider, merchant), prefix="intent#"))
        items.append(self._table.get(records.subject_key(self._provider, merchant, SHOP)) or {})
        return frozenset(item["intentId"] for item in items if "intentId" in item)

    def adopt(self, token: Token, change: Change) -> bool:
        """Put the record and emit the event."""
        attributes = {
            **records.token_attributes(token),
            "history": [records.transition(self._now(), change, None, token.state)],
        }
        key = self._token_key(token.merchant, token.subject, token.token_id)
        return self._transact(
            ("Put", put(key, attributes, "attribute_not_exists(pk)")),
            self._outbox_put(token_issued(token, reason=change.reason.value, at=self._now())),
        )

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        """Store the value in the lost token's record again."""
        changes = "accessToken = :value REMOVE endedAt, expiresAt"
        values = {":value": access_token}
        standing = replace(token, state=State.STANDING)
        record_update = self._state_update(
            token, State.STANDING, change, changes, values=values, unless=_all_but(State.LOST)
        )
        return self._transact(
            ("Update", record_update),
            self._outbox_put(token_issued(standing, reason=change.reason.value, at=self._now())),
        )

    def revoke_again(self, token: Token, change: Change) -> bool:
        """Make the record due at once, and keep its first reason."""
        changes = "revokingAt = :now, due = :due, dueAt = :dueAt REMOVE accessToken, expiresAt, tries"
        values = self._due_values(token, self._now())
        try:
            self._table.update(
                self._state_update(
                    token, State.REVOKING, change, changes, values=values, unless=_all_but(State.REVOKED)
                )
            )
        except ConditionFailed:
            return False
        return True

    def mark_lost(self, token: Token, change: Change) -> bool:
        """End the record, remove the current token from its subject, and emit the event."""
        writes = (
            ("Update", self._end_update(token, State.LOST, change, *_all_but(token.state))),
            self._outbox_put(token_revoked(token, reason=change.reason.value, at=self._now())),
        )
        if token.state is not State.CURRENT:
            return self._transact(*writes)
        # A record may be current although the subject has another token. Then this token is not served.
        subject = records.subject_key(self._provider, token.merchant, token.subject)
        other = "attribute_not_exists(#current) OR #current.tokenId <> :id"
        not_served = {
            **check(subject, other, {":id": token.token_id}),
            "ExpressionAttributeNames": {"#current": "current"},
        }
        return self._transact(*writes, ("Update", self._current_removal(token))) or self._transact(
            *writes, ("ConditionCheck", not_served)
        )

    def _transact(self, *writes: Write) -> bool:
        try:
            self._table.transact(writes, token=os.urandom(16).hex())
        except TransactionRejected:
            return False
        return True

    def _schedule_update(self, expected: Reconciliation, expression: str, values: dict[str, Any]) -> dict[str, Any]:
        """Return an update of the item that fails if another call has changed its due time."""
        condition = "attribute_not_exists(dueAt)" if expected.due_at is None else "dueAt = :seen"
        return update(
            self._reconciliation_key(expected.merchant), expression, condition, {**values, ":seen": expected.due_at}
        )

    def _reconciliation_key(self, merchant: str) -> Key:
        return records.reconciliation_key(self._provider, merchant)


def _all_but(state: State) -> set[State]:
    return set(State) - {state}
