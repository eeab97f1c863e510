"""What the product needs from outside, as narrow as it can be said. Adapters are in `aws` and `providers`; tests
bring fakes.
"""

from collections.abc import Collection
from typing import Protocol

from token_broker.domain.events import Event
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.pending import PendingRevocation, Reconciliation, SessionClosure
from token_broker.domain.rotation import Rotation, RotationSchedule, RotationSettings, Succession
from token_broker.domain.token import Change, Reason, Token
from token_broker.errors import RequestOutcome


class TokenStore(Protocol):
    """Where tokens, intents and leases are kept. Raises `StorageUnavailable` where the storage fails."""

    def subject_state(self, merchant: str, subject: str) -> SubjectState:
        """What is served for a subject now, read consistently."""
        ...

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        """Take the right to mint a subject's current token, unless something has changed since it was `expected`."""
        ...

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        """Take the right to make one standing token. Raises `Conflict` where the key came with another body before."""
        ...

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        """Store the token, end its intent, and see to the one that it replaces; at once or not at all.

        Raises `SessionClosed`, and `MintInProgress` where the right to mint was lost meanwhile.
        """
        ...

    def confirm(self, lease: MintLease) -> None:
        """The provider gave the token that is current already: note the time and end the intent."""
        ...

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        """Free the right. An intent whose fate is unknown stays, so that the next holder looks it up."""
        ...

    def close_session(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        """No token for this session ever again, nor for whoever is minting one. What closed it first stays."""
        ...

    def get_token(self, merchant: str, token_id: str) -> Token | None:
        """One token's record, read consistently."""
        ...

    def all_tokens(self, merchant: str) -> list[Token]:
        """All records of the merchant's shop-wide tokens."""
        ...

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        """From now on never served, before the provider is asked. Also takes a token that had no record.

        The clock asks from `ask_from` on (Unix seconds; None: at once).
        """
        ...

    def mark_revoked(self, token: Token, change: Change) -> None:
        """The provider confirmed the end, which the world is told."""
        ...

    def rotation(self, merchant: str) -> Rotation | None:
        """The open rotation, or the last one; read consistently."""
        ...

    def request_rotation(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        """Have it stand in the place of the one `previous`; False where that, or what was `expected`, is no more."""
        ...

    def reschedule_rotation(self, rotation: Rotation, due_at: int, failure: str) -> None:
        """Come back to it later. The world is told of its first failure."""
        ...

    def end_rotation(self, rotation: Rotation, failure: str | None = None) -> None:
        """It is done, or has failed for good, which the world is told."""
        ...

    def rotation_settings(self, merchant: str) -> RotationSettings:
        """What the merchant's operator has set, or the defaults; read consistently."""
        ...

    def rotation_schedule(self, merchant: str) -> RotationSchedule | None:
        """The same with its revision; None where nobody has set anything."""
        ...

    def replace_rotation_schedule(self, merchant: str, schedule: RotationSchedule, *, expected: int) -> bool:
        """Store the settings unless their revision is not `expected` (0: none). Return whether they were stored."""
        ...

    def reschedule_settings_check(self, merchant: str, expected: RotationSchedule, due_at: int | None) -> None:
        """Look after the settings at that time, or not any more; not where they, or that time, are others by now."""
        ...

    def schedule_reconciliation(self, merchant: str, due_at: int) -> None:
        """Have the clock come back to the merchant's tokens, if it does not already."""
        ...

    def reconciliation(self, merchant: str) -> Reconciliation | None:
        """When the clock comes back; read consistently."""
        ...

    def complete_reconciliation(
        self, expected: Reconciliation, due_at: int, near_at: int | None, told: Event | None = None
    ) -> None:
        """The records and the list have been compared: again at `due_at`. The world is `told`, unless another has
        ended the same meanwhile.
        """
        ...

    def reschedule_reconciliation(self, expected: Reconciliation, due_at: int) -> None:
        """Come back to it later."""
        ...

    def cancel_reconciliation(self, expected: Reconciliation) -> None:
        """Nothing is left to come back for."""
        ...

    def open_intent_ids(self, merchant: str) -> Collection[str]:
        """The ids of all intents for the shop that nobody has ended."""
        ...

    def adopt(self, token: Token, change: Change) -> bool:
        """Record a token that the provider has and nobody recorded; False where somebody has meanwhile."""
        ...

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        """A lost token is there after all, and stands; False where it is lost no more."""
        ...

    def revoke_again(self, token: Token, change: Change) -> bool:
        """A revoked token is there after all: it is to be revoked again; False where it is already."""
        ...

    def mark_lost(self, token: Token, change: Change) -> bool:
        """The provider has it no more: from now on never served. False where it was moved since it was read."""
        ...

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """The token, if it is still to be revoked, now or later; read consistently."""
        ...

    def reschedule_revocation(self, pending: PendingRevocation, due_at: int) -> None:
        """Come back to a revocation later, unless somebody else has moved it."""
        ...

    def acquire_expired(self, merchant: str, item: str, owner: str) -> OpenIntent | None:
        """The right to end an intent that is due; None where none is, or somebody holds it."""
        ...

    def defer(self, merchant: str, item: str, due_at: int) -> None:
        """Have an item that nobody can make sense of come back later, whatever else is in it."""
        ...

    def release_and_retry_at(self, lease: MintLease, due_at: int) -> None:
        """Free the right, and come back to the intent later."""
        ...

    def broker_id(self) -> str:
        """This stack's own name in marks: random, made once per table."""
        ...
