"""Correct records by the provider's list. A record changes only if its state is as it was read."""

from copy import replace

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems, all_but
from token_broker.aws.store.table import check, put
from token_broker.domain.events import token_issued, token_revoked
from token_broker.domain.token import Change, State, Token


class DynamoCorrections:
    """Correct records, each in one write or one transaction."""

    def __init__(self, items: ProviderItems) -> None:
        self._items = items
        self._table = items.table

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
