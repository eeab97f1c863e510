"""What all of the store's jobs share: one provider's items, and how a token's record ends."""

from typing import Any

from token_broker.aws import records
from token_broker.aws.attributes import Key
from token_broker.aws.table import Table, update
from token_broker.clock import Clock
from token_broker.model import State, Token

DAY = 24 * 60 * 60
#: How long an ended token's record, without its value, is kept.
HISTORY_RETENTION = 90 * DAY
#: How long a session's state outlives its last token, and its closing.
SESSION_RETENTION = 30 * DAY


class ProviderItems:
    """One provider's part of the table."""

    def __init__(
        self, table: Table, *, provider: str, clock: Clock, session_retention: int = SESSION_RETENTION
    ) -> None:
        self._table = table
        self._provider = provider
        self._clock = clock
        self._session_retention = session_retention

    def _ended(
        self,
        token: Token,
        state: State,
        *,
        due_at: int | None = None,
        until: int | None = None,
        unless: State = State.REVOKED,
    ) -> dict[str, Any]:
        """The update that takes a token's value away and gives it a last state, unless it is revoked or `unless`."""
        key = self._token_key(token.merchant, token.subject, token.token_id)
        expression = "SET #state = :state, endedAt = :now"
        if until is not None:
            expression += ", expiresAt = :until"
        if due_at is not None:
            expression += ", due = :due, dueAt = :dueAt, revokingAt = if_not_exists(revokingAt, :now)"
        # What is still to be done has no end of its own.
        expression += " REMOVE accessToken, expiresAt" if due_at is not None else " REMOVE accessToken, due, dueAt"
        values = {
            ":state": state.value,
            ":now": int(self._clock.now()),
            ":until": until,
            ":due": records.due_shard(key[0]),
            ":dueAt": due_at,
            ":revoked": State.REVOKED.value,
            ":unless": unless.value,
        }
        condition = "attribute_exists(pk) AND NOT #state IN (:revoked, :unless)"
        return update(key, expression, condition, values, {"#state": "state"})

    def _token_key(self, merchant: str, subject: str, token_id: str) -> Key:
        return records.token_key(self._provider, merchant, subject, token_id)
