"""Ending tokens: the mark that comes before the provider is asked, and the one that comes after it confirmed."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.table import ConditionFailed, TransactionRefused, put, update
from token_broker.domain.events import token_revoked
from token_broker.domain.token import Change, State, Token

#: A token is recorded once and becomes current once: a third look finds it as the second did.
MAX_ATTEMPTS = 3


class Revocations(ProviderItems):
    """Two marks, each of which can be made again."""

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        """The mark, and for the current token the end of its being served, at once.

        The clock may ask at once, too: that it then asks beside the call that made the mark does no harm, since the
        second to ask hears that the token is gone.
        """
        marking = _Marking(token, change, ask_from)
        likely, other = self._mark_other, self._mark_current
        if token.state is State.CURRENT:
            likely, other = other, likely
        for _ in range(MAX_ATTEMPTS):
            if likely(marking) or other(marking) or self._mark_unrecorded(marking):
                return
        # Its record says current and the subject names another: nothing serves it, so the mark alone is left to make.
        with suppress(ConditionFailed):
            self._table.update(self._marking(marking.token, change, ask_from))

    def _mark_other(self, marking: "_Marking") -> bool:
        """A token that is not current; also true where it has ended already, or is marked."""
        try:
            self._table.update(
                self._marking(marking.token, marking.change, marking.ask_from, State.CURRENT, State.REVOKING)
            )
        except ConditionFailed as failure:
            if failure.found is None:
                return False
            found = State(failure.found["state"])
            marking.token = replace(marking.token, state=found)  # for the next look, and the line in its history
            return found in {State.REVOKED, State.REVOKING}
        return True

    def _mark_current(self, marking: "_Marking") -> bool:
        """In one write: a crash between two would leave a token that is served although it is marked."""
        try:
            writes = [
                ("Update", self._marking(marking.token, marking.change, marking.ask_from)),
                ("Update", self._unserving(marking.token)),
            ]
            self._table.transact(writes, token=os.urandom(16).hex())
        except TransactionRefused:
            return False
        return True

    def _mark_unrecorded(self, marking: "_Marking") -> bool:
        """A token that has no record: another's, or one whose answer or record was lost."""
        token, now = marking.token, self._now()
        # First of all it is not served: a crash then leaves a token that is found again in the provider's list.
        with suppress(ConditionFailed):
            self._table.update(self._unserving(token))
        key = self._token_key(token.merchant, token.subject, token.token_id)
        attributes = {
            **records.token_attributes(token),
            "accessToken": None,
            "state": State.REVOKING.value,
            "history": [records.transition(now, marking.change, None, State.REVOKING)],
            "endedWhy": marking.change.reason.value,
            "due": records.due_shard(key[0]),
            "dueAt": now if marking.ask_from is None else marking.ask_from,
            "revokingAt": now,
        }
        try:
            self._table.put(put(key, attributes, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return False
        return True

    def _unserving(self, token: Token) -> dict[str, Any]:
        return update(
            records.subject_key(self._provider, token.merchant, token.subject),
            "REMOVE #current",
            "#current.tokenId = :id",
            {":id": token.token_id},
            {"#current": "current"},
        )

    def mark_revoked(self, token: Token, change: Change) -> None:
        """The record stays for its retention, without the value; the world hears of it, once."""
        marked = replace(token, state=State.REVOKING)
        writes = [
            ("Update", self._ending(marked, State.REVOKED, change)),
            self._outbox_put(token_revoked(token, reason=change.reason.value, at=self._clock.now())),
        ]
        with suppress(TransactionRefused):  # another call asked for the same, and marked it
            self._table.transact(writes, token=os.urandom(16).hex())


@dataclass(slots=True)
class _Marking:
    token: Token
    change: Change
    ask_from: int | None
