"""Reconciliations: when the clock comes back to a merchant, and what is put right in the records."""

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import Write
from token_broker.aws.store.revocations import Revocations
from token_broker.aws.store.table import ConditionFailed, TransactionRefused, check, put, update
from token_broker.domain.events import Event, token_issued, token_revoked
from token_broker.domain.pending import Reconciliation
from token_broker.domain.token import SHOP, Change, State, Token


class Reconciliations(Revocations):
    """One item a merchant, due once a day; and changes of records, each on the state that was seen."""

    #: The merchants of this process that the clock is known to come back to.
    _watched: frozenset[str] = frozenset()

    def schedule_reconciliation(self, merchant: str, due_at: int) -> None:
        """One write for each merchant in a process, and none after it."""
        if merchant in self._watched:
            return
        key = self._reconciliation_key(merchant)
        values = {":due": records.due_shard(key[0]), ":at": due_at}
        with suppress(ConditionFailed):  # the clock does already
            self._table.update(update(key, "SET due = :due, dueAt = :at", "attribute_not_exists(dueAt)", values))
        self._watched |= {merchant}

    def reconciliation(self, merchant: str) -> Reconciliation | None:
        """One consistent read."""
        item = self._table.get(self._reconciliation_key(merchant))
        if item is None:
            return None
        return Reconciliation(
            merchant=merchant, due_at=item.get("dueAt"), tries=item.get("tries", 0), near_at=item.get("nearAt")
        )

    def complete_reconciliation(
        self, expected: Reconciliation, due_at: int, near_at: int | None, told: Event | None = None
    ) -> None:
        """Until the next time; and what the world hears, in the same transaction."""
        key = self._reconciliation_key(expected.merchant)
        values = {":due": records.due_shard(key[0]), ":at": due_at, ":now": self._now(), ":near": near_at}
        near = " REMOVE tries, nearAt" if near_at is None else ", nearAt = :near REMOVE tries"
        expression = f"SET due = :due, dueAt = :at, reconciledAt = :now{near}"
        written = self._unmoved(expected, expression, values)
        with suppress(ConditionFailed, TransactionRefused):  # another has done the same at once
            if told is None:
                self._table.update(written)
            else:
                self._table.transact([("Update", written), self._outbox_put(told)], token=os.urandom(16).hex())

    def reschedule_reconciliation(self, expected: Reconciliation, due_at: int) -> None:
        """Another time, and one more try counted."""
        with suppress(ConditionFailed):
            self._table.update(self._unmoved(expected, "SET dueAt = :at ADD tries :one", {":at": due_at, ":one": 1}))

    def cancel_reconciliation(self, expected: Reconciliation) -> None:
        """Due no more, until another token is made."""
        with suppress(ConditionFailed):
            self._table.update(self._unmoved(expected, "REMOVE due, dueAt, tries", {}))
        self._watched -= {expected.merchant}

    def open_intent_ids(self, merchant: str) -> frozenset[str]:
        """A query for those of standing tokens, and the subject's own."""
        items = list(self._table.query(records.partition(self._provider, merchant), prefix="intent#"))
        items.append(self._table.get(records.subject_key(self._provider, merchant, SHOP)) or {})
        return frozenset(item["intentId"] for item in items if "intentId" in item)

    def adopt(self, token: Token, change: Change) -> bool:
        """Its record, and what the world hears."""
        attributes = {
            **records.token_attributes(token),
            "history": [records.transition(self._now(), change, None, token.state)],
        }
        key = self._token_key(token.merchant, token.subject, token.token_id)
        return self._all_or_none(
            ("Put", put(key, attributes, "attribute_not_exists(pk)")),
            self._outbox_put(token_issued(token, reason=change.reason.value, at=self._now())),
        )

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        """A lost token's record, with its value again."""
        changes = "accessToken = :value REMOVE endedAt, expiresAt"
        values = {":value": access_token}
        standing = replace(token, state=State.STANDING)
        moved = self._moved(token, State.STANDING, change, changes, values=values, unless=_all_but(State.LOST))
        return self._all_or_none(
            ("Update", moved), self._outbox_put(token_issued(standing, reason=change.reason.value, at=self._now()))
        )

    def revoke_again(self, token: Token, change: Change) -> bool:
        """A revoked token's record, due at once; what it was revoked for stays."""
        changes = "revokingAt = :now, due = :due, dueAt = :dueAt REMOVE accessToken, expiresAt, tries"
        values = self._due(token, self._now())
        try:
            self._table.update(
                self._moved(token, State.REVOKING, change, changes, values=values, unless=_all_but(State.REVOKED))
            )
        except ConditionFailed:
            return False
        return True

    def mark_lost(self, token: Token, change: Change) -> bool:
        """The record, the end of its being served, and what the world hears."""
        writes = (
            ("Update", self._ending(token, State.LOST, change, *_all_but(token.state))),
            self._outbox_put(token_revoked(token, reason=change.reason.value, at=self._now())),
        )
        if token.state is not State.CURRENT:
            return self._all_or_none(*writes)
        # Its record can say current while the subject names another: then nothing serves it.
        subject = records.subject_key(self._provider, token.merchant, token.subject)
        other = "attribute_not_exists(#current) OR #current.tokenId <> :id"
        unserved = {
            **check(subject, other, {":id": token.token_id}),
            "ExpressionAttributeNames": {"#current": "current"},
        }
        return self._all_or_none(*writes, ("Update", self._unserving(token))) or self._all_or_none(
            *writes, ("ConditionCheck", unserved)
        )

    def _all_or_none(self, *writes: Write) -> bool:
        try:
            self._table.transact(writes, token=os.urandom(16).hex())
        except TransactionRefused:
            return False
        return True

    def _unmoved(self, expected: Reconciliation, expression: str, values: dict[str, Any]) -> dict[str, Any]:
        """A change of the item, unless another has moved it since it was seen."""
        condition = "attribute_not_exists(dueAt)" if expected.due_at is None else "dueAt = :seen"
        return update(
            self._reconciliation_key(expected.merchant), expression, condition, {**values, ":seen": expected.due_at}
        )

    def _reconciliation_key(self, merchant: str) -> Key:
        return records.reconciliation_key(self._provider, merchant)


def _all_but(state: State) -> set[State]:
    return set(State) - {state}
