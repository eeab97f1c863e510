"""Ending tokens: the mark that comes before the provider is asked, and the one that comes after it confirmed."""

import os
from contextlib import suppress

from token_broker.aws import records
from token_broker.aws.items import HISTORY_RETENTION, ProviderItems
from token_broker.aws.table import ConditionFailed, TransactionRefused, put, update
from token_broker.model import State, Token

#: A revocation that was not confirmed is asked again after this many seconds.
FIRST_RETRY = 60
#: A token becomes current once, so a third look always finds it as the second did.
LOOKS = 3


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
        # A current token's mark and the end of its being served are one write: a crash between the two would leave a
        # token that is served although it is marked.
        alone = {
            **marking,
            "ConditionExpression": f"{marking['ConditionExpression']} AND #state <> :current",
            "ExpressionAttributeValues": {
                **marking["ExpressionAttributeValues"],
                ":current": {"S": State.CURRENT.value},
            },
        }
        current = token.state is State.CURRENT
        for _ in range(LOOKS):
            if current:
                # Refused where it is not current any more, or its record is gone.
                with suppress(TransactionRefused):
                    self._table.transact([("Update", marking), ("Update", unserve)], token=os.urandom(16).hex())
                    return
            try:
                self._table.update(alone)
                return
            except ConditionFailed as failure:
                if failure.found is None:
                    if self._mark_unrecorded(token, now):
                        break
                    current = True  # recorded a moment ago, perhaps as the current token
                elif failure.found["state"] == State.CURRENT.value:
                    current = True  # its mint has made it current since it was looked up
                else:
                    return  # revoked meanwhile
        else:
            with suppress(ConditionFailed):
                self._table.update(marking)
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
