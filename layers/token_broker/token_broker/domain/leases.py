"""Hold the state of a subject, its lease to mint and its intent. Times are Unix seconds."""

from typing import NamedTuple

from token_broker.domain.token import Token


class SubjectState(NamedTuple):
    """Hold what the store knows of a subject: its current token, its lease, and whether the session is closed.

    `checked_at` is when the provider last confirmed the token. `fence` rises with every lease and when its intent ends.
    A lease is acquired only if `fence` has not changed, so nobody mints after a stale read. `lease_expires_at` is zero
    if nobody holds the lease. With `has_open_intent`, the provider may have created a token that has no record yet.
    """

    token: Token | None = None
    checked_at: float = 0.0
    closed: bool = False
    fence: int = 0
    lease_expires_at: int = 0
    has_open_intent: bool = False


class LeaseRequest(NamedTuple):
    """Describe the lease to acquire and its intent.

    `intent_id` is new and goes into the ownership tag. `owner` is random and identifies this caller. `key_id` is the
    hash of an Idempotency-Key, and `body_hash` the hash of its request's body. `findable`: after a lost response the
    token can be found in the provider's list. `account_id` is the provider account of the mint, stored as
    `intentRealm`.
    """

    merchant: str
    subject: str
    intent_id: str
    owner: str
    title: str | None = None
    requested_by: str = ""
    key_id: str | None = None
    body_hash: str | None = None
    findable: bool = False
    account_id: str = ""


class MintLease(NamedTuple):
    """Hold the right to mint, with its intent.

    `standing_id` names the intent of a standing token, and is None for a current token. `owner` and `fence` guard every
    later write. With `continued`, an earlier holder left this intent open, so the provider may already have acted on
    it. `title` is the caller's title without the ownership tag. `account_id` is the provider account for which the
    intent was stored, or empty if the provider has no account ids. `remembered`: the result is kept for an
    Idempotency-Key.
    """

    merchant: str
    subject: str
    standing_id: str | None
    intent_id: str
    owner: str
    fence: int
    continued: bool
    title: str | None = None
    account_id: str = ""
    remembered: bool = False


class LeaseHeld(NamedTuple):
    """Report that another caller holds the lease."""


class IdempotentReplay(NamedTuple):
    """Hold the token that an earlier request with the same Idempotency-Key created."""

    token: Token


class OpenIntent(NamedTuple):
    """Hold an intent that its holder left open, with the lease to end it.

    `asked_until` is when the lease of its last holder expired, stored as `intentEnd`. `tries` counts how often the
    worker has rescheduled the intent after a failure.
    """

    lease: MintLease
    requested_by: str
    asked_until: int
    tries: int
