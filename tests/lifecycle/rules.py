"""What must hold of records, events and the provider, whatever has happened."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from token_broker.domain.events import Event
from token_broker.domain.token import SERVABLE, Reason, State, Token, Transition


def assert_each_change_is_told_once(records: Sequence[Token], told: Sequence[Event]) -> None:
    """Check that each change is in its record's history and emitted once, never with a value."""
    due: Counter[tuple[str, object]] = Counter()
    for record in records:
        assert_history(record)
        due.update((kind, record.token_id) for line in record.history if (kind := _event_of(line)) is not None)
    of_tokens = [event for event in told if event.type in {"TokenIssued", "TokenRotated", "TokenRevoked"}]
    heard = Counter(
        (event.type, event.detail.get("previousTokenId", event.detail.get("tokenId"))) for event in of_tokens
    )
    assert heard == due
    failures = [event for event in told if event.type == "RotationFailed"]
    often = Counter((event.detail["rotationId"], event.detail["retrying"]) for event in failures)
    assert set(often.values()) <= {1}
    assert "value-of-" not in repr([event.as_json() for event in told])


def assert_history(record: Token) -> None:
    """Who, when, from which state to which, why: without a gap, up to the state that it is in."""
    history = record.history
    assert history, f"{record.token_id} has no history"
    assert history[0].before is None
    assert history[-1].after is record.state
    assert all(line.by and line.reason for line in history), history
    assert all(earlier.after is later.before for earlier, later in pairwise(history)), history
    assert all(earlier.after is not later.after for earlier, later in pairwise(history)), history


def assert_values(records: Sequence[Token]) -> None:
    """Check that a token that may not be served has no value."""
    for record in records:
        assert (record.access_token is None) == (record.state not in SERVABLE), record.token_id


def _event_of(line: Transition) -> str | None:
    """Return the event that follows from a line of a token's history."""
    if line.before is None:
        return None if line.after is State.REVOKING else "TokenIssued"
    if line.before is State.LOST:
        return "TokenIssued" if line.after is State.STANDING else None
    if line.after in {State.REVOKED, State.LOST}:
        return "TokenRevoked"
    replaced = line.after is State.RETIRING or (line.before is State.CURRENT and line.reason == Reason.COMPROMISED)
    return "TokenRotated" if replaced else None
