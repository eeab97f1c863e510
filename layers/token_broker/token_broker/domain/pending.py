"""Hold pending work, and the closure of a session. Times are Unix seconds."""

from enum import Enum
from typing import NamedTuple

from token_broker.domain.credential_pair import PairRecord
from token_broker.domain.leases import OpenIntent
from token_broker.domain.rotation import Rotation, RotationSettings
from token_broker.domain.token import Reason, Token


class WorkKind(Enum):
    """List the kinds of pending work."""

    REVOCATION = "revocation"
    ROTATION = "rotation"
    ROTATION_SETTINGS = "rotation settings"
    RECONCILIATION = "reconciliation"
    INTENT = "intent"
    PAIR = "pair"


class WorkRef(NamedTuple):
    """Name one piece of a merchant's pending work.

    `name` is a token's id or the name of a standing token's intent. The intent of the current token has an empty name.
    """

    kind: WorkKind
    name: str


class PendingRevocation(NamedTuple):
    """Hold a token that is revoking, or retiring until its overlap ends at `due_at`.

    `since` is when it was marked, stored as `revokingAt`. `tries` counts the failed tries of the worker. `reason` is
    why it was marked, stored as `endedWhy`.
    """

    token: Token
    since: int
    due_at: int
    tries: int
    reason: Reason = Reason.REQUESTED


class SettingsCheck(NamedTuple):
    """Hold when the worker checks a merchant's rotation settings, which have this `revision`."""

    merchant: str
    settings: RotationSettings
    revision: int
    due_at: int | None
    tries: int = 0


class Reconciliation(NamedTuple):
    """Hold when a merchant is reconciled next.

    `due_at` is None if no reconciliation is scheduled. `tries` counts failed tries. `near_at` is when `TokenLimitNear`
    was last emitted, or None if enough quota slots have been free since.
    """

    merchant: str
    due_at: int | None = None
    tries: int = 0
    near_at: int | None = None


class UnreadWork(NamedTuple):
    """Name work that was not read: its kind is unknown, or its code has a bug. `item` is the dispatcher's text."""

    merchant: str
    item: str


#: Everything that the worker does.
type Work = PendingRevocation | Rotation | SettingsCheck | Reconciliation | OpenIntent | PairRecord


class SessionClosure(NamedTuple):
    """Hold when a session was closed and by which order. `new` is True if this call closed it."""

    closed_at: int
    order_id: str | None
    new: bool
