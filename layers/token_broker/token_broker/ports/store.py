"""Define the store of one provider's tokens, intents, leases, rotations and pending work.

Every read is consistent. Times are Unix seconds. Each method raises `StorageUnavailable` if the storage fails. A change
and its events are stored in one transaction. A method that finds another state than its caller has read does nothing.
"""

from collections.abc import Collection
from typing import Protocol

from token_broker.domain.credential_pair import PairLease, PairRecord
from token_broker.domain.events import Event
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.pending import PendingRevocation, Reconciliation, SessionClosure, UnreadWork, Work, WorkRef
from token_broker.domain.rotation import Rotation, RotationSettings, Succession
from token_broker.domain.token import Change, Reason, Token
from token_broker.errors import RequestOutcome
from token_broker.ports.documents import Documents


class Leases(Protocol):
    """Give the right to mint, and store what was minted."""

    def state(self, merchant: str, subject: str) -> SubjectState:
        """Return the subject's current token and lease, and whether its session is closed."""

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        """Acquire the lease to mint the subject's current token, and store the intent.

        An open intent of an earlier holder is continued. Returns `LeaseHeld` if another caller holds the lease, if the
        subject has changed since `expected` was read, or if its session is closed.
        """

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        """Acquire the lease to mint one standing token, and store the intent.

        Returns `IdempotentReplay` if the Idempotency-Key has already created a token. Returns `LeaseHeld` if another
        caller is using the key. Raises `Conflict` if the key was used with another body or its token has no record.
        """

    def acquire_expired(self, merchant: str, standing_id: str | None, owner: str) -> OpenIntent | None:
        """Acquire the lease of an open intent whose due time has come.

        `standing_id` names the intent of a standing token. None is the intent of the shop's current token. Returns None
        if the intent has ended, is not due, or is held by another.
        """

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        """Store the token, end its intent and change the state of the token that it replaces, in one transaction.

        Emits `TokenIssued`, and `TokenRotated` if `replaced` is given. Raises `SessionClosed` if the session is closed.
        Raises `MintInProgress` if the lease was lost or the replaced token has changed. Raises `ProviderError` if the
        token's id belongs to another token.
        """

    def confirm(self, lease: MintLease) -> None:
        """Record that the provider returned the current token again, and end the intent."""

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        """Release the lease, and delete its intent if the provider did not apply the request.

        In every other case the intent stays, so that the next holder looks for its token. If the request is in flight,
        the lease stays for a few seconds.
        """

    def open_intent_ids(self, merchant: str) -> Collection[str]:
        """Return the ids of all open intents for the merchant's shop-wide tokens."""


class MintQuotas(Protocol):
    """Limit how many mints callers can request of the provider for one merchant in one minute."""

    def check(self, merchant: str) -> None:
        """Raise `RateLimited` if this process knows that the merchant's mints are refused now.

        Does not ask the storage.
        """

    def take(self, merchant: str) -> None:
        """Count one mint. Raises `RateLimited` if as many mints were counted as are allowed by now.

        `domain/mint_quota.py` has the rule. If the storage's response was lost, the mint can count twice.
        """


class Tokens(Protocol):
    """Keep the records of shop-wide tokens, until their retention ends."""

    def get(self, merchant: str, token_id: str) -> Token | None:
        """Return the token's record, or None if there is none."""

    def all(self, merchant: str) -> list[Token]:
        """Return all records of the merchant, including revoked and lost tokens."""

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        """Mark the token as revoking, so that it is never served again.

        Creates a record if the token has none. The worker asks the provider from `ask_from` on (None: at once). Does
        nothing if the token is already revoking or revoked.
        """

    def mark_revoked(self, token: Token, change: Change) -> None:
        """Record the confirmed revocation of a revoking token, and emit `TokenRevoked`."""

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """Return the revocation of a token that is revoking or retiring, or None for every other token."""

    def broker_id(self) -> str:
        """Return this stack's random id in ownership tags, which is created once for each table."""


class Corrections(Protocol):
    """Correct the records by the provider's list. Each method returns whether it changed the record."""

    def adopt(self, token: Token, change: Change) -> bool:
        """Store the record of a token that only the provider has, and emit `TokenIssued`."""

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        """Restore a lost token as standing, with its value, and emit `TokenIssued`."""

    def revoke_again(self, token: Token, change: Change) -> bool:
        """Mark a revoked token as revoking, because the provider lists it again."""

    def mark_lost(self, token: Token, change: Change) -> bool:
        """Mark a token that the provider no longer lists as lost, so that it is never served. Emit `TokenRevoked`."""


class Rotations(Protocol):
    """Keep each merchant's open rotation, or its last one."""

    def get(self, merchant: str) -> Rotation | None:
        """Return the open rotation or the last one, or None if there was none."""

    def request(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        """Store the rotation request unless the rotation or the subject has changed.

        `previous` is the rotation that it replaces, and `expected` is the subject as it was read. Returns whether the
        request was stored.
        """

    def end(self, rotation: Rotation, failure: str | None = None) -> None:
        """End the rotation, as failed if `failure` (an error's code) is given.

        A failed rotation emits `RotationFailed`.
        """


class Reconciliations(Protocol):
    """Keep the schedule of each merchant's reconciliation."""

    def get(self, merchant: str) -> Reconciliation | None:
        """Return the merchant's schedule, or None if there was never one."""

    def schedule(self, merchant: str, due_at: int) -> None:
        """Schedule the merchant's reconciliation, unless it is already scheduled."""

    def complete(self, expected: Reconciliation, due_at: int, near_at: int | None, event: Event | None = None) -> None:
        """Record that the merchant was reconciled, schedule the next reconciliation and emit the event.

        `near_at` is the time of the last `TokenLimitNear` event.
        """

    def cancel(self, expected: Reconciliation) -> None:
        """Cancel the reconciliation until `schedule` is called again."""


class Pairs(Protocol):
    """Keep which version of the session secret has a merchant's pair, and the lease to renew it."""

    def get(self, merchant: str) -> PairRecord:
        """Return the record, which is empty if the merchant never had a pair."""

    def acquire(self, expected: PairRecord, owner: str, *, migrate: str = "") -> PairLease | None:
        """Acquire the lease, or return None if another caller holds it or the record has changed.

        `migrate` is the origin whose migration the record remembers, so that the worker completes it if this call does
        not.
        """

    def commit(self, lease: PairLease, version_id: str | None, origin: str, due_at: int, event: Event | None) -> bool:
        """Name the version with the new pair, set the state to active, and end the lease.

        The version is None if the pair is not stored. The worker renews an unused pair at `due_at`. Returns False if
        the lease was lost. The pair must not be used then.
        """

    def refuse(self, lease: PairLease, secret: str, due_at: int, event: Event | None) -> bool:
        """Set the state to reauthorization required for the secret with this fingerprint, and end the lease."""

    def release(self, lease: PairLease, until: int) -> None:
        """Let the lease expire at `until`, after a failure. The next holder sends the same refresh token again."""

    def abandon(self, lease: PairLease) -> None:
        """End the lease and the migration, because the provider does not exchange the permanent token."""

    def cancel(self, expected: PairRecord) -> None:
        """Cancel the renewal by the worker until the next commit."""


class Sessions(Protocol):
    """Close checkout sessions."""

    def close(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        """Close the session for ever, and emit `SessionClosed`.

        A mint that is in progress can no longer be committed. Returns the first closure if the session is already
        closed.
        """


class Schedule(Protocol):
    """Keep the times of pending work."""

    def identify(self, item: str) -> WorkRef | None:
        """Return which work the dispatcher's text names, or None if this version does not know the kind."""

    def reschedule(self, work: Work | UnreadWork, due_at: int | None, *, failure: str | None = None) -> None:
        """Change the time of the next try, or remove it if `due_at` is None.

        With `failure` (an error's code) one more failed try is counted, except of a check of the rotation settings. The
        first failure of a rotation emits `RotationFailed`.
        """


class Store(Protocol):
    """Hold the parts of the store."""

    @property
    def leases(self) -> Leases:
        """Return the leases, with the subjects' state."""

    @property
    def mint_quotas(self) -> MintQuotas:
        """Return the counted mints."""

    @property
    def tokens(self) -> Tokens:
        """Return the records."""

    @property
    def corrections(self) -> Corrections:
        """Return the corrections of records."""

    @property
    def rotations(self) -> Rotations:
        """Return the rotations."""

    @property
    def rotation_settings(self) -> Documents[RotationSettings]:
        """Return the rotation settings."""

    @property
    def reconciliations(self) -> Reconciliations:
        """Return the schedules of reconciliations."""

    @property
    def pairs(self) -> Pairs:
        """Return the records of expiring credentials."""

    @property
    def sessions(self) -> Sessions:
        """Return the checkout sessions."""

    @property
    def schedule(self) -> Schedule:
        """Return the times of pending work."""
