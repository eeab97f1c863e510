"""Ending tokens: the mark that comes before the provider is asked, and the one that comes after it confirmed."""

import os
from contextlib import suppress

from token_broker.aws import records
from token_broker.aws.items import HISTORY_RETENTION, ProviderItems
from token_broker.aws.table import ConditionFailed, TransactionRefused, put, update
from token_broker.model import State, Token

#: A revocation that was not confirmed is asked again after this many seconds.
FIRST_RETRY = 60


class Revocations(ProviderItems):
    """Two marks, each of which can be made again."""

    def mark_revoking(self, token: Token) -> None:
        """The mark, and for the current token the end of its being served, at once."""
        now = int(self._clock.now())
        marking = self._ended(token, State.REVOKING, due_at=now + FIRST_RETRY)
        unserve = update(
            records.subject_key(self._provider, token.merchant, token.subject),
            "REMOVE #current",
            "#current.tokenId = :id",
            {":id": token.token_id},
            {"#current": "current"},
        )
        if token.state is State.CURRENT:
            # Refused where it is not current any more, or its record is gone: then each half for itself.
            with suppress(TransactionRefused):
                self._table.transact([("Update", marking), ("Update", unserve)], token=os.urandom(16).hex())
                return
        try:
            self._table.update(marking)
        except ConditionFailed as failure:
            if failure.found is None and not self._mark_unrecorded(token, now):
                with suppress(ConditionFailed):  # revoked meanwhile
                    self._table.update(marking)
        # Its mint may have made it current since it was looked up; marked as it is now, none can any more.
        with suppress(ConditionFailed):
            self._table.update(unserve)

    def _mark_unrecorded(self, token: Token, now: int) -> bool:
        """False where somebody has recorded the token a moment ago."""
        key = self._token_key(token.merchant, token.subject, token.token_id)
        attributes = {
            **records.token_attributes(token),
            "accessToken": None,
            "state": State.REVOKING.value,
            "due": records.due_shard(key[0]),
            "dueAt": now + FIRST_RETRY,
        }
        try:
            self._table.put(put(key, attributes, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return False
        return True

    def mark_revoked(self, token: Token) -> None:
        """The record stays for its retention, without the value."""
        until = int(self._clock.now()) + HISTORY_RETENTION
        with suppress(ConditionFailed):  # another call asked for the same, and marked it
            self._table.update(self._ended(token, State.REVOKED, until=until))
