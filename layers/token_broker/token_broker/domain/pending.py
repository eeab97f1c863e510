"""Work that waits for the scheduler, and the end of a session."""

from dataclasses import dataclass

from token_broker.domain.token import Reason, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """When a merchant's tokens are compared with the provider's list next. Times are Unix seconds.

    `due_at` is None where the clock does not come back; `tries` counts what has failed. `near_at` is when the world was
    last told that few places are left, None where there has been room since.
    """

    merchant: str
    due_at: int | None = None
    tries: int = 0
    near_at: int | None = None


@dataclass(frozen=True, slots=True)
class SessionClosure:
    """How a session stands once it is closed: since when (Unix seconds), by which order, and whether just now."""

    closed_at: int
    order_id: str | None
    new: bool


@dataclass(frozen=True, slots=True)
class PendingRevocation:
    """A token that is marked and not confirmed as gone, or whose overlap ends at `due_at`.

    `since` and `due_at` are Unix seconds; `tries` counts what the clock's worker has asked in vain; `why` is what it
    was marked for.
    """

    token: Token
    since: int
    due_at: int
    tries: int
    reason: Reason = Reason.REQUESTED
