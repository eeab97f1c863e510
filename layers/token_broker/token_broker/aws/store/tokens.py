"""Read and correct the records of tokens.

A token is marked as revoking before the provider is asked, and as revoked afterwards.
"""

from copy import replace
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems, StorePart, all_but
from token_broker.aws.store.table import ConditionFailed, check, put
from token_broker.domain.events import token_issued, token_revoked
from token_broker.domain.ownership_tag import new_broker_id
from token_broker.domain.pending import PendingRevocation
from token_broker.domain.token import SHOP, Change, Reason, State, Token

#: A token is recorded once and becomes current once, so a third attempt finds what the second found.
MAX_ATTEMPTS = 3


class DynamoTokens(StorePart):
    """Read records, and mark tokens as revoking and as revoked. Each mark can be repeated."""

    def __init__(self, items: ProviderItems) -> None:
        super().__init__(items)
        self._broker_id: str | None = None

    def get(self, merchant: str, token_id: str) -> Token | None:
        """Read a shop-wide token's record."""
        return self._items.token(merchant, token_id)

    def all(self, merchant: str) -> list[Token]:
        """Read all records of shop-wide tokens, including those in their retention."""
        return list(map(records.token_of, self._table.query(*self._items.shop_key(merchant, records.TOKEN))))

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """Read the record consistently."""
        item = self._table.get(records.token_key(self._items.provider, merchant, SHOP, token_id))
        if item is None or item["state"] not in {State.REVOKING.value, State.RETIRING.value}:
            return None
        # Older records have no `revokingAt`. A retiring token has neither time, and is due when its overlap ends.
        since = item.get("revokingAt", item.get("endedAt", item["dueAt"]))
        retiring = item["state"] == State.RETIRING.value
        reason = Reason(item.get("endedWhy", Reason.ROTATED if retiring else Reason.REQUESTED))
        return PendingRevocation(records.token_of(item), since, item["dueAt"], item.get("tries", 0), reason)

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        """Mark the token. In the same transaction, remove a current token from its subject.

        The worker may send the same revocation at the same time. This does no harm, because the second request only
        learns that the token is gone.
        """
        for _ in range(MAX_ATTEMPTS):
            if token.state is State.CURRENT and self._mark_current(token, change, ask_from):
                return
            found = self._mark_not_current(token, change, ask_from)
            if found in {State.REVOKING, State.REVOKED}:
                return
            if found is None and self._mark_unrecorded(token, change, ask_from):
                return
            if found is not None:
                token = replace(token, state=found)
        # The record is current although the subject has another token. This token is not served, so mark it alone.
        self._table.try_write(self._items.revoking(token, change, ask_from))

    def _mark_current(self, token: Token, change: Change, ask_from: int | None) -> bool:
        """Mark the current token in one transaction, so that a crash never leaves a marked token that is served."""
        return self._table.try_transact(
            self._items.revoking(token, change, ask_from), self._items.current_removal(token)
        )

    def _mark_not_current(self, token: Token, change: Change, ask_from: int | None) -> State | None:
        """Mark a token unless it is current, and return the record's state, or None if there is no record."""
        try:
            self._table.write(self._items.revoking(token, change, ask_from, State.CURRENT, State.REVOKING))
        except ConditionFailed as failure:
            return None if failure.found is None else State(failure.found["state"])
        return State.REVOKING

    def _mark_unrecorded(self, token: Token, change: Change, ask_from: int | None) -> bool:
        """Mark a token without a record: a foreign one, or one whose response or record was lost."""
        now = self._items.now()
        # Remove it from its subject first. After a crash, the provider still lists it.
        self._table.try_write(self._items.current_removal(token))
        key = self._items.token_key(token)
        attributes = {
            **records.token_attributes(token),
            "accessToken": None,
            "state": State.REVOKING.value,
            "history": [records.transition(now, change, None, State.REVOKING)],
            "endedWhy": change.reason.value,
            "due": records.due_shard(key[0]),
            "dueAt": now if ask_from is None else ask_from,
            "revokingAt": now,
        }
        return self._table.try_write(put(key, attributes, "attribute_not_exists(pk)"))

    def mark_revoked(self, token: Token, change: Change) -> None:
        """Keep the record for its retention, without the value, and emit the event once."""
        marked = replace(token, state=State.REVOKING)
        event = token_revoked(token, reason=change.reason.value, at=self._items.now())
        # If another call has recorded it, nothing is written.
        self._table.try_transact(self._items.end(marked, State.REVOKED, change), self._items.emit(event))

    def broker_id(self) -> str:
        """Return the id, which is read once in a process and created by the first caller."""
        if self._broker_id is None:
            item = self._table.get(records.BROKER_KEY) or self._create_broker_id()
            self._broker_id = str(item["brokerId"])
        return self._broker_id

    def _create_broker_id(self) -> dict[str, Any]:
        created = {"brokerId": new_broker_id()}
        try:
            self._table.write(put(records.BROKER_KEY, created, "attribute_not_exists(pk)"))
        except ConditionFailed as failure:
            return failure.found or created
        return created


class DynamoCorrections(StorePart):
    """Correct records by the provider's list, each in one write or one transaction.

    A record changes only if its state is as it was read.
    """

    def adopt(self, token: Token, change: Change) -> bool:
        """Put the record and emit the event."""
        history = [records.transition(self._items.now(), change, None, token.state)]
        attributes = {**records.token_attributes(token), "history": history}
        event = token_issued(token, reason=change.reason.value, at=self._items.now())
        record = put(self._items.token_key(token), attributes, "attribute_not_exists(pk)")
        return self._table.try_transact(record, self._items.emit(event))

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        """Store the value in the lost token's record again."""
        changes, values = "accessToken = :value REMOVE endedAt, expiresAt", {":value": access_token}
        others = all_but(State.LOST)
        record = self._items.change_state(token, State.STANDING, change, changes, values=values, unless=others)
        standing = replace(token, state=State.STANDING)
        event = token_issued(standing, reason=change.reason.value, at=self._items.now())
        return self._table.try_transact(record, self._items.emit(event))

    def revoke_again(self, token: Token, change: Change) -> bool:
        """Make the record due at once, and keep its first reason."""
        changes = "revokingAt = :now, due = :due, dueAt = :dueAt REMOVE accessToken, expiresAt, tries"
        values = self._items.due_values(self._items.token_key(token)[0], self._items.now())
        return self._table.try_write(
            self._items.change_state(
                token, State.REVOKING, change, changes, values=values, unless=all_but(State.REVOKED)
            )
        )

    def mark_lost(self, token: Token, change: Change) -> bool:
        """End the record, remove the current token from its subject, and emit the event."""
        record = self._items.end(token, State.LOST, change, *all_but(token.state))
        event = self._items.emit(token_revoked(token, reason=change.reason.value, at=self._items.now()))
        if token.state is not State.CURRENT:
            return self._table.try_transact(record, event)
        if self._table.try_transact(record, event, self._items.current_removal(token)):
            return True
        # A record may be current although the subject has another token. Then this token is not served.
        subject = records.subject_key(self._items.provider, token.merchant, token.subject)
        condition = "attribute_not_exists(#current) OR #current.tokenId <> :id"
        not_served = check(subject, condition, {":id": token.token_id})
        return self._table.try_transact(record, event, not_served)
