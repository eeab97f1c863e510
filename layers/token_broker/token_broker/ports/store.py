"""Define the store of tokens, intents, leases, rotations and scheduled work."""

from collections.abc import Collection
from typing import Protocol

from token_broker.domain.events import Event
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.pending import PendingRevocation, Reconciliation, SessionClosure
from token_broker.domain.rotation import Rotation, RotationSettings, Succession
from token_broker.domain.token import Change, Reason, Token
from token_broker.errors import RequestOutcome
from token_broker.ports.documents import Documents, Revisioned


class TokenStore(Protocol):
    """Store the tokens, intents and leases of one provider.

    Every read is consistent. Times are Unix seconds. Each method raises `StorageUnavailable` if the storage fails. A
    change and its events are stored in one transaction.
    """

    def subject_state(self, merchant: str, subject: str) -> SubjectState:
        """Return the subject's current token and lease, and whether its session is closed."""
        ...

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        """Acquire the lease to mint the subject's current token, and store the intent.

        An open intent of an earlier holder is continued. Returns `LeaseHeld` if another caller holds the lease, if the
        subject has changed since `expected` was read, or if its session is closed.
        """
        ...

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        """Acquire the lease to mint one standing token, and store the intent.

        Returns `IdempotentReplay` if the Idempotency-Key has already created a token. Returns `LeaseHeld` if another
        caller is using the key. Raises `Conflict` if the key was used with another body or its token has no record.
        """
        ...

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        """Store the token, end its intent and change the state of the token that it replaces, in one transaction.

        Emits `TokenIssued`, and `TokenRotated` if `replaced` is given. Raises `SessionClosed` if the session is closed.
        Raises `MintInProgress` if the lease was lost or the replaced token has changed. Raises `ProviderError` if the
        token's id belongs to another token.
        """
        ...

    def confirm(self, lease: MintLease) -> None:
        """Record that the provider returned the current token again, and end the intent.

        Does nothing if the lease was lost.
        """
        ...

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        """Release the lease, and delete its intent if the provider did not apply the request.

        In every other case the intent stays, so that the next holder looks for its token. If the request is in flight,
        the lease stays for a few seconds. Does nothing if the lease was lost.
        """
        ...

    def close_session(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        """Close the session for ever, and emit `SessionClosed`.

        A mint that is in progress can no longer be committed. Returns the first closure if the session is already
        closed.
        """
        ...

    def get_token(self, merchant: str, token_id: str) -> Token | None:
        """Return the record of a shop-wide token, or None if there is none."""
        ...

    def all_tokens(self, merchant: str) -> list[Token]:
        """Return all records of the merchant's shop-wide tokens, including revoked and lost ones."""
        ...

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        """Mark the token as revoking, so that it is never served again.

        Creates a record if the token has none. The worker asks the provider from `ask_from` on (None: at once). Does
        nothing if the token is already revoking or revoked.
        """
        ...

    def mark_revoked(self, token: Token, change: Change) -> None:
        """Record the confirmed revocation and emit `TokenRevoked`.

        Does nothing if the token is not revoking any more.
        """
        ...

    def rotation(self, merchant: str) -> Rotation | None:
        """Return the open rotation or the last one, or None if there was none."""
        ...

    def request_rotation(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        """Store the rotation request unless the rotation or the subject has changed.

        `previous` is the rotation that it replaces, and `expected` is the subject as it was read. Returns whether the
        request was stored.
        """
        ...

    def reschedule_rotation(self, rotation: Rotation, due_at: int, failure: str) -> None:
        """Reschedule the open rotation, and count one more failed try.

        `failure` is an error's code. The first failure emits `RotationFailed`. Does nothing if the rotation has ended
        or was replaced.
        """
        ...

    def end_rotation(self, rotation: Rotation, failure: str | None = None) -> None:
        """End the rotation, as failed if `failure` (an error's code) is given.

        A failed rotation emits `RotationFailed`. Does nothing if the rotation has ended or was replaced.
        """
        ...

    def rotation_settings(self, merchant: str) -> RotationSettings:
        """Return the merchant's rotation settings, or the defaults if none are stored."""
        ...

    @property
    def settings(self) -> Documents[RotationSettings]:
        """Return the store of the merchants' rotation settings."""
        ...

    def reschedule_settings_check(
        self, merchant: str, expected: Revisioned[RotationSettings], due_at: int | None
    ) -> None:
        """Reschedule the check of the rotation settings, or cancel it if `due_at` is None.

        Does nothing if the settings or their due time have changed since `expected` was read.
        """
        ...

    def schedule_reconciliation(self, merchant: str, due_at: int) -> None:
        """Schedule the merchant's reconciliation, unless it is already scheduled."""
        ...

    def reconciliation(self, merchant: str) -> Reconciliation | None:
        """Return the merchant's reconciliation schedule, or None if there was never one."""
        ...

    def complete_reconciliation(
        self, expected: Reconciliation, due_at: int, near_at: int | None, told: Event | None = None
    ) -> None:
        """Record that the merchant was reconciled, schedule the next reconciliation and emit the event `told`.

        `near_at` is the time of the last `TokenLimitNear` event. Does nothing if the schedule has changed since
        `expected` was read.
        """
        ...

    def reschedule_reconciliation(self, expected: Reconciliation, due_at: int) -> None:
        """Reschedule the reconciliation, and count one more failed try.

        Does nothing if the schedule has changed since `expected` was read.
        """
        ...

    def cancel_reconciliation(self, expected: Reconciliation) -> None:
        """Cancel the reconciliation until `schedule_reconciliation` is called again.

        Does nothing if the schedule has changed since `expected` was read.
        """
        ...

    def open_intent_ids(self, merchant: str) -> Collection[str]:
        """Return the ids of all open intents for the merchant's shop-wide tokens."""
        ...

    def adopt(self, token: Token, change: Change) -> bool:
        """Store the record of a token that only the provider has, and emit `TokenIssued`.

        Returns False if a record exists by now.
        """
        ...

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        """Restore a lost token as standing, with its value, and emit `TokenIssued`.

        Returns False if the token is not lost any more.
        """
        ...

    def revoke_again(self, token: Token, change: Change) -> bool:
        """Mark a revoked token as revoking, because the provider lists it again.

        Returns False if the token is not revoked any more.
        """
        ...

    def mark_lost(self, token: Token, change: Change) -> bool:
        """Mark a token that the provider no longer lists as lost, and emit `TokenRevoked`.

        The token is never served again. Returns False if its state has changed since it was read.
        """
        ...

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """Return the revocation of a token that is revoking or retiring, or None for every other token."""
        ...

    def reschedule_revocation(self, pending: PendingRevocation, due_at: int) -> None:
        """Reschedule the revocation, and count one more failed try.

        Does nothing if the revocation was confirmed or rescheduled since `pending` was read.
        """
        ...

    def acquire_expired(self, merchant: str, item: str, owner: str) -> OpenIntent | None:
        """Acquire the lease of an open intent whose due time has come.

        `item` is the sort key. Returns None if the intent has ended, is not due, or is held by another.
        """
        ...

    def defer(self, merchant: str, item: str, due_at: int) -> None:
        """Reschedule an item of an unknown kind, and change nothing else in it.

        `item` is the sort key. Does nothing if the item has no due time.
        """
        ...

    def release_and_retry_at(self, lease: MintLease, due_at: int) -> None:
        """Release the lease, keep its intent, reschedule it and count one more try.

        Does nothing if the lease was lost.
        """
        ...

    def broker_id(self) -> str:
        """Return this stack's random id in ownership tags, which is created once for each table."""
        ...
