"""What all of the store's jobs share: one provider's items, how a token's record moves on, and what the world hears."""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.outbox_items import outbox_put
from token_broker.aws.store.table import Table, put, update
from token_broker.clock import Clock
from token_broker.domain.events import Event
from token_broker.domain.token import Change, State, Token

DAY = 24 * 60 * 60
#: How long an ended token's record, without its value, is kept.
HISTORY_RETENTION = 90 * DAY
#: How long a session's state outlives its last token, and its closing.
SESSION_RETENTION = 30 * DAY

#: One write of a transaction: its kind, and its arguments.
type Write = tuple[str, dict[str, Any]]


class ProviderItems:
    """One provider's part of the table. Retentions in seconds."""

    def __init__(
        self,
        table: Table,
        *,
        provider: str,
        clock: Clock,
        session_retention: int = SESSION_RETENTION,
        history_retention: int = HISTORY_RETENTION,
    ) -> None:
        self._table = table
        self._provider = provider
        self._clock = clock
        self._session_retention = session_retention
        self._history_retention = history_retention

    def _now(self) -> int:
        return int(self._clock.now())

    def _moved(
        self, token: Token, state: State, change: Change, changes: str, *, values: dict[str, Any], unless: set[State]
    ) -> dict[str, Any]:
        """The update that gives a token's record another state and its history a line: from the state that the token
        was seen in, so that the line is true, and from none of `unless`.
        """
        key = self._token_key(token.merchant, token.subject, token.token_id)
        given = {
            ":state": state.value,
            ":before": token.state.value,
            ":now": self._now(),
            ":line": [records.transition(self._now(), change, token.state, state)],
            ":none": [],
            **values,
            **{f":not{number}": each.value for number, each in enumerate(sorted(unless))},
        }
        barred = ", ".join(f":not{number}" for number in range(len(unless)))
        expression = f"SET #state = :state, history = list_append(if_not_exists(history, :none), :line), {changes}"
        return update(key, expression, f"#state = :before AND NOT #state IN ({barred})", given, {"#state": "state"})

    def _ending(self, token: Token, state: State, change: Change, *unless: State) -> dict[str, Any]:
        """Revoked or lost: the record stays for its retention, without the value."""
        until = {":until": self._now() + self._history_retention}
        changes = "endedAt = :now, expiresAt = :until REMOVE accessToken, due, dueAt"
        return self._moved(token, state, change, changes, values=until, unless={State.REVOKED, *unless})

    def _marking(self, token: Token, change: Change, ask_from: int | None, *unless: State) -> dict[str, Any]:
        """To be revoked: what is still to be done has no end of its own."""
        values = {":why": change.reason.value, **self._due(token, self._now() if ask_from is None else ask_from)}
        changes = (
            "endedAt = :now, revokingAt = if_not_exists(revokingAt, :now), endedWhy = if_not_exists(endedWhy, :why), "
            "due = :due, dueAt = :dueAt REMOVE accessToken, expiresAt"
        )
        return self._moved(token, State.REVOKING, change, changes, values=values, unless={State.REVOKED, *unless})

    def _retiring(self, token: Token, change: Change, until: int) -> dict[str, Any]:
        """Replaced, and to be revoked at that time."""
        changes = "retiringAt = :now, due = :due, dueAt = :dueAt"
        others = set(State) - {State.CURRENT}
        return self._moved(token, State.RETIRING, change, changes, values=self._due(token, until), unless=others)

    def _due(self, token: Token, due_at: int) -> dict[str, Any]:
        pk = records.partition(self._provider, token.merchant, token.subject)
        return {":due": records.due_shard(pk), ":dueAt": due_at}

    def _outbox_put(self, event: Event) -> Write:
        """The write that has the world hear of it, once the transaction stands."""
        key, attributes = outbox_put(event)
        return "Put", put(key, attributes, "attribute_not_exists(pk)")

    def _token_key(self, merchant: str, subject: str, token_id: str) -> Key:
        return records.token_key(self._provider, merchant, subject, token_id)
