"""What the product needs from outside, as narrow as it can be said. Adapters are in `aws` and `providers`; tests
bring fakes.
"""

from collections.abc import Collection
from typing import Protocol

from token_broker.domain.events import Event
from token_broker.domain.leases import Busy, Intention, Mint, OpenIntent, Replay, SubjectState
from token_broker.domain.pending import Closure, PendingRevocation, Reconciliation
from token_broker.domain.rotation import Rotation, RotationSchedule, RotationSettings, Succession
from token_broker.domain.token import Cause, Token, Why
from token_broker.errors import Fate


class TokenStore(Protocol):
    """Where tokens, intents and leases are kept. Raises `StorageUnavailable` where the storage fails."""

    def subject(self, merchant: str, subject: str) -> SubjectState:
        """What is served for a subject now, read consistently."""
        ...

    def begin_current(self, intention: Intention, seen: SubjectState) -> Mint | Busy:
        """Take the right to mint a subject's current token, unless something has changed since it was `seen`."""
        ...

    def begin_standing(self, intention: Intention) -> Mint | Busy | Replay:
        """Take the right to make one standing token. Raises `Conflict` where the key came with another body before."""
        ...

    def publish(self, mint: Mint, token: Token, *, replaced: Succession | None = None, why: Why = Why.MINTED) -> None:
        """Store the token, end its intent, and see to the one that it replaces; at once or not at all.

        Raises `SessionClosed`, and `MintInProgress` where the right to mint was lost meanwhile.
        """
        ...

    def confirm(self, mint: Mint) -> None:
        """The provider gave the token that is current already: note the time and end the intent."""
        ...

    def give_up(self, mint: Mint, fate: Fate) -> None:
        """Free the right. An intent whose fate is unknown stays, so that the next holder looks it up."""
        ...

    def close(self, merchant: str, subject: str, order_id: str | None) -> Closure:
        """No token for this session ever again, nor for whoever is minting one. What closed it first stays."""
        ...

    def token(self, merchant: str, token_id: str) -> Token | None:
        """One token's record, read consistently."""
        ...

    def tokens(self, merchant: str) -> list[Token]:
        """All records of the merchant's shop-wide tokens."""
        ...

    def mark_revoking(self, token: Token, cause: Cause, *, ask_from: int | None = None) -> None:
        """From now on never served, before the provider is asked. Also takes a token that had no record.

        The clock asks from `ask_from` on (Unix seconds; None: at once).
        """
        ...

    def mark_revoked(self, token: Token, cause: Cause) -> None:
        """The provider confirmed the end, which the world is told."""
        ...

    def rotation(self, merchant: str) -> Rotation | None:
        """The open rotation, or the last one; read consistently."""
        ...

    def request_rotation(self, rotation: Rotation, seen: SubjectState, before: Rotation | None) -> bool:
        """Have it stand in the place of the one `before`; False where that, or what was `seen`, is no more."""
        ...

    def put_off_rotation(self, rotation: Rotation, due_at: int, failure: str) -> None:
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

    def replace_rotation_schedule(self, merchant: str, schedule: RotationSchedule, *, seen: int) -> bool:
        """Have it stand, unless something has changed since the revision that was `seen` (0: none); whether it does."""
        ...

    def look_again(self, merchant: str, seen: RotationSchedule, due_at: int | None) -> None:
        """Look after the settings at that time, or not any more; not where they, or that time, are others by now."""
        ...

    def watch(self, merchant: str, due_at: int) -> None:
        """Have the clock come back to the merchant's tokens, if it does not already."""
        ...

    def reconciliation(self, merchant: str) -> Reconciliation | None:
        """When the clock comes back; read consistently."""
        ...

    def end_reconciliation(
        self, seen: Reconciliation, due_at: int, near_at: int | None, told: Event | None = None
    ) -> None:
        """The records and the list have been compared: again at `due_at`. The world is `told`, unless another has
        ended the same meanwhile.
        """
        ...

    def put_off_reconciliation(self, seen: Reconciliation, due_at: int) -> None:
        """Come back to it later."""
        ...

    def end_watch(self, seen: Reconciliation) -> None:
        """Nothing is left to come back for."""
        ...

    def open_intent_ids(self, merchant: str) -> Collection[str]:
        """The ids of all intents for the shop that nobody has ended."""
        ...

    def adopt(self, token: Token, cause: Cause) -> bool:
        """Record a token that the provider has and nobody recorded; False where somebody has meanwhile."""
        ...

    def bring_back(self, token: Token, access_token: str, cause: Cause) -> bool:
        """A lost token is there after all, and stands; False where it is lost no more."""
        ...

    def revoke_again(self, token: Token, cause: Cause) -> bool:
        """A revoked token is there after all: it is to be revoked again; False where it is already."""
        ...

    def mark_lost(self, token: Token, cause: Cause) -> bool:
        """The provider has it no more: from now on never served. False where it was moved since it was read."""
        ...

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """The token, if it is still to be revoked, now or later; read consistently."""
        ...

    def put_off(self, pending: PendingRevocation, due_at: int) -> None:
        """Come back to a revocation later, unless somebody else has moved it."""
        ...

    def take_over(self, merchant: str, item: str, owner: str) -> OpenIntent | None:
        """The right to end an intent that is due; None where none is, or somebody holds it."""
        ...

    def set_aside(self, merchant: str, item: str, due_at: int) -> None:
        """Have an item that nobody can make sense of come back later, whatever else is in it."""
        ...

    def leave_open(self, mint: Mint, due_at: int) -> None:
        """Free the right, and come back to the intent later."""
        ...

    def broker_id(self) -> str:
        """This stack's own name in marks: random, made once per table."""
        ...
