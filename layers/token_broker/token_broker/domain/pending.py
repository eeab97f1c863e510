"""Hold pending work, and the closure of a session. Times are Unix seconds."""

from dataclasses import dataclass

from token_broker.domain.token import Reason, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Hold when a merchant is reconciled next.

    `due_at` is None if no reconciliation is scheduled. `tries` counts failed tries. `near_at` is when `TokenLimitNear`
    was last emitted, or None if enough quota slots have been free since.
    """

    merchant: str
    due_at: int | None = None
    tries: int = 0
    near_at: int | None = None


@dataclass(frozen=True, slots=True)
class SessionClosure:
    """Hold when a session was closed and by which order. `new` is True if this call closed it."""

    closed_at: int
    order_id: str | None
    new: bool


@dataclass(frozen=True, slots=True)
class PendingRevocation:
    """Hold a token that is revoking, or retiring until its overlap ends at `due_at`.

    `since` is when it was marked, stored as `revokingAt`. `tries` counts how often the worker has rescheduled it.
    `reason` is why it was marked, stored as `endedWhy`.
    """

    token: Token
    since: int
    due_at: int
    tries: int
    reason: Reason = Reason.REQUESTED
