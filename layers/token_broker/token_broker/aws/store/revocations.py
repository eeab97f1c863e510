"""Mark tokens as revoking before the provider is asked, and as revoked after it has confirmed."""

import os
from contextlib import suppress
from copy import replace
from dataclasses import dataclass
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.table import ConditionFailed, TransactionRejected, put, update
from token_broker.domain.events import token_revoked
from token_broker.domain.token import Change, State, Token

#: A token is recorded once and becomes current once, so a third attempt finds what the second found.
MAX_ATTEMPTS = 3


class Revocations(ProviderItems):
    """Mark tokens as revoking and as revoked. Each mark can be repeated."""

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        """Mark the token. In the same transaction, remove a current token from its subject.

        The worker may send the same revocation at the same time. This does no harm, because the second request only
        learns that the token is gone.
        """
        mark = _RevocationMark(token, change, ask_from)
        first, second = self._mark_not_current, self._mark_current
        if token.state is State.CURRENT:
            first, second = second, first
        for _ in range(MAX_ATTEMPTS):
            if first(mark) or second(mark) or self._mark_unrecorded(mark):
                return
        # The record is current although the subject has another token. This token is not served, so mark it alone.
        with suppress(ConditionFailed):
            self._table.update(self._revoking_update(mark.token, change, ask_from))

    def _mark_not_current(self, mark: "_RevocationMark") -> bool:
        """Mark a token that is not current. Return True also if it is already revoking or revoked."""
        try:
            self._table.update(
                self._revoking_update(mark.token, mark.change, mark.ask_from, State.CURRENT, State.REVOKING)
            )
        except ConditionFailed as failure:
            if failure.found is None:
                return False
            found = State(failure.found["state"])
            mark.token = replace(mark.token, state=found)  # for the next attempt and the history
            return found in {State.REVOKED, State.REVOKING}
        return True

    def _mark_current(self, mark: "_RevocationMark") -> bool:
        """Mark the current token in one transaction, so that a crash never leaves a marked token that is served."""
        try:
            writes = [
                ("Update", self._revoking_update(mark.token, mark.change, mark.ask_from)),
                ("Update", self._current_removal(mark.token)),
            ]
            self._table.transact(writes, token=os.urandom(16).hex())
        except TransactionRejected:
            return False
        return True

    def _mark_unrecorded(self, mark: "_RevocationMark") -> bool:
        """Mark a token without a record: a foreign one, or one whose response or record was lost."""
        token, now = mark.token, self._now()
        # Remove it from its subject first. After a crash, the provider still lists it.
        with suppress(ConditionFailed):
            self._table.update(self._current_removal(token))
        key = self._token_key(token.merchant, token.subject, token.token_id)
        attributes = {
            **records.token_attributes(token),
            "accessToken": None,
            "state": State.REVOKING.value,
            "history": [records.transition(now, mark.change, None, State.REVOKING)],
            "endedWhy": mark.change.reason.value,
            "due": records.due_shard(key[0]),
            "dueAt": now if mark.ask_from is None else mark.ask_from,
            "revokingAt": now,
        }
        try:
            self._table.put(put(key, attributes, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return False
        return True

    def _current_removal(self, token: Token) -> dict[str, Any]:
        return update(
            records.subject_key(self._provider, token.merchant, token.subject),
            "REMOVE #current",
            "#current.tokenId = :id",
            {":id": token.token_id},
            {"#current": "current"},
        )

    def mark_revoked(self, token: Token, change: Change) -> None:
        """Keep the record for its retention, without the value, and emit the event once."""
        marked = replace(token, state=State.REVOKING)
        writes = [
            ("Update", self._end_update(marked, State.REVOKED, change)),
            self._outbox_put(token_revoked(token, reason=change.reason.value, at=self._clock.now())),
        ]
        with suppress(TransactionRejected):  # another call has recorded it
            self._table.transact(writes, token=os.urandom(16).hex())


@dataclass(slots=True)
class _RevocationMark:
    token: Token
    change: Change
    ask_from: int | None
