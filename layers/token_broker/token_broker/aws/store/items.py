"""Build the writes that all parts of the store share: changes of a record's state, and outbox items."""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.outbox_items import outbox_put
from token_broker.aws.store.table import Table, put, update
from token_broker.clock import Clock
from token_broker.domain.events import Event
from token_broker.domain.token import Change, State, Token

DAY = 24 * 60 * 60
#: How long an ended token's record is kept, without its value.
HISTORY_RETENTION = 90 * DAY
#: How long a session's state is kept after its last token and its closure.
SESSION_RETENTION = 30 * DAY

#: One write of a transaction, as its kind and its arguments.
type Write = tuple[str, dict[str, Any]]


class ProviderItems:
    """Access one provider's items. Retentions are in seconds."""

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

    def _state_update(
        self, token: Token, state: State, change: Change, changes: str, *, values: dict[str, Any], unless: set[State]
    ) -> dict[str, Any]:
        """Return the update that changes the record's state and adds an entry to its history.

        It is conditional on the state in which the token was read, so that the entry is true, and on no state of
        `unless`.
        """
        key = self._token_key(token.merchant, token.subject, token.token_id)
        all_values = {
            ":state": state.value,
            ":before": token.state.value,
            ":now": self._now(),
            ":line": [records.transition(self._now(), change, token.state, state)],
            ":none": [],
            **values,
            **{f":not{number}": each.value for number, each in enumerate(sorted(unless))},
        }
        excluded = ", ".join(f":not{number}" for number in range(len(unless)))
        expression = f"SET #state = :state, history = list_append(if_not_exists(history, :none), :line), {changes}"
        return update(
            key, expression, f"#state = :before AND NOT #state IN ({excluded})", all_values, {"#state": "state"}
        )

    def _end_update(self, token: Token, state: State, change: Change, *unless: State) -> dict[str, Any]:
        """Return the update to revoked or lost, which keeps the record without its value until the retention ends."""
        until = {":until": self._now() + self._history_retention}
        changes = "endedAt = :now, expiresAt = :until REMOVE accessToken, due, dueAt"
        return self._state_update(token, state, change, changes, values=until, unless={State.REVOKED, *unless})

    def _revoking_update(self, token: Token, change: Change, ask_from: int | None, *unless: State) -> dict[str, Any]:
        """Return the update to revoking, which removes the TTL, because pending work must not expire."""
        values = {":why": change.reason.value, **self._due_values(token, self._now() if ask_from is None else ask_from)}
        changes = (
            "endedAt = :now, revokingAt = if_not_exists(revokingAt, :now), endedWhy = if_not_exists(endedWhy, :why), "
            "due = :due, dueAt = :dueAt REMOVE accessToken, expiresAt"
        )
        return self._state_update(
            token, State.REVOKING, change, changes, values=values, unless={State.REVOKED, *unless}
        )

    def _retiring_update(self, token: Token, change: Change, until: int) -> dict[str, Any]:
        """Return the update to retiring, with the revocation due at `until`."""
        changes = "retiringAt = :now, due = :due, dueAt = :dueAt"
        others = set(State) - {State.CURRENT}
        return self._state_update(
            token, State.RETIRING, change, changes, values=self._due_values(token, until), unless=others
        )

    def _due_values(self, token: Token, due_at: int) -> dict[str, Any]:
        pk = records.partition(self._provider, token.merchant, token.subject)
        return {":due": records.due_shard(pk), ":dueAt": due_at}

    def _outbox_put(self, event: Event) -> Write:
        """Return the write that emits the event with its transaction."""
        key, attributes = outbox_put(event)
        return "Put", put(key, attributes, "attribute_not_exists(pk)")

    def _token_key(self, merchant: str, subject: str, token_id: str) -> Key:
        return records.token_key(self._provider, merchant, subject, token_id)
