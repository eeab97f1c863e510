"""Ending tokens: the mark that comes before the provider is asked, and the one that comes after it confirmed."""

import os
from contextlib import suppress
from typing import Any

from token_broker.aws import records
from token_broker.aws.items import HISTORY_RETENTION, ProviderItems
from token_broker.aws.table import ConditionFailed, TransactionRefused, put, update
from token_broker.model import State, Token

#: Seconds from the mark until the clock may ask again: none, for it comes by only once a minute. That it then asks
#: beside the call that made the mark does no harm, since the second to ask hears that the token is gone.
FIRST_RETRY = 0
#: A token is recorded once and becomes current once: a third look finds it as the second did.
LOOKS = 3


class Revocations(ProviderItems):
    """Two marks, each of which can be made again."""

    def mark_revoking(self, token: Token) -> None:
        """The mark, and for the current token the end of its being served, at once."""
        likely, other = self._mark_other, self._mark_current
        if token.state is State.CURRENT:
            likely, other = other, likely
        for _ in range(LOOKS):
            if likely(token) or other(token) or self._mark_unrecorded(token):
                return
        # Its record says current and the subject names another: nothing serves it, so the mark alone is left to make.
        with suppress(ConditionFailed):
            self._table.update(self._marking(token))

    def _mark_other(self, token: Token) -> bool:
        """A token that is not current; also true where it has ended already."""
        try:
            self._table.update(self._marking(token, unless=State.CURRENT))
        except ConditionFailed as failure:
            return failure.found is not None and failure.found["state"] == State.REVOKED.value
        return True

    def _mark_current(self, token: Token) -> bool:
        """In one write: a crash between two would leave a token that is served although it is marked."""
        try:
            writes = [("Update", self._marking(token)), ("Update", self._unserving(token))]
            self._table.transact(writes, token=os.urandom(16).hex())
        except TransactionRefused:
            return False
        return True

    def _mark_unrecorded(self, token: Token) -> bool:
        """A token that has no record: another's, or one whose answer or record was lost."""
        key = self._token_key(token.merchant, token.subject, token.token_id)
        attributes = {
            **records.token_attributes(token),
            "accessToken": None,
            "state": State.REVOKING.value,
            "due": records.due_shard(key[0]),
            "dueAt": self._first_retry(),
            "revokingAt": int(self._clock.now()),
        }
        try:
            self._table.put(put(key, attributes, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return False
        with suppress(ConditionFailed):
            self._table.update(self._unserving(token))
        return True

    def _marking(self, token: Token, *, unless: State = State.REVOKED) -> dict[str, Any]:
        return self._ended(token, State.REVOKING, due_at=self._first_retry(), unless=unless)

    def _unserving(self, token: Token) -> dict[str, Any]:
        return update(
            records.subject_key(self._provider, token.merchant, token.subject),
            "REMOVE #current",
            "#current.tokenId = :id",
            {":id": token.token_id},
            {"#current": "current"},
        )

    def _first_retry(self) -> int:
        return int(self._clock.now()) + FIRST_RETRY

    def mark_revoked(self, token: Token) -> None:
        """The record stays for its retention, without the value."""
        until = int(self._clock.now()) + HISTORY_RETENTION
        with suppress(ConditionFailed):  # another call asked for the same, and marked it
            self._table.update(self._ended(token, State.REVOKED, until=until))
