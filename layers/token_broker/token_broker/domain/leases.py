"""The right to mint: what is asked for, what is held, and what a subject's state is."""

from dataclasses import dataclass

from token_broker.domain.token import Token


@dataclass(frozen=True, slots=True)
class SubjectState:
    """What the store knows of a subject: its token now, and whether the session is closed.

    `checked_at` is when the provider last confirmed the token (Unix seconds). `fence` is the number of the last mint
    that was begun; the next can begin only if it is still that, so nobody mints on a stale read.
    `held_until` is the end of somebody's right to mint (Unix seconds), zero where nobody has it; `unresolved`: an
    intent stands, so the provider may have made a token that is not recorded yet.
    """

    token: Token | None = None
    checked_at: float = 0.0
    closed: bool = False
    fence: int = 0
    lease_expires_at: int = 0
    has_open_intent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """A mint that is about to be asked for.

    `intent_id` is new, and goes into the mark; `owner` is random and this caller's alone. `key_id` is the hash of an
    Idempotency-Key, `body_hash` that of the body which came with it. `findable`: a lost answer can be looked up later,
    at the `realm` where it was asked for.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MintLease:
    """The record that a mint is about to happen, and the right to do it.

    `owner` and `fence` guard every later write; `continued` says that an earlier holder left this very intent without
    an end, so the provider may already have acted on it. `title` is what the caller asked for, without the mark.
    """

    merchant: str
    subject: str
    key: str
    intent_id: str
    owner: str
    fence: int
    continued: bool
    title: str | None = None
    #: Where at the provider the intent was begun; empty where there is but one place.
    account_id: str = ""
    #: Whether an Idempotency-Key wants the outcome remembered.
    remembered: bool = False

    @property
    def standing(self) -> bool:
        """Whether it makes a standing token, beside the subject's current one."""
        return self.key.startswith("intent#")


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """Somebody else holds the mint right now."""


@dataclass(frozen=True, slots=True)
class IdempotentReplay:
    """A create that was done before under the same Idempotency-Key."""

    token: Token


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent that its holder left without an end, with the right to end it.

    `asked_until` is when its last holder's right to ask the provider was over (Unix seconds).
    """

    lease: MintLease
    requested_by: str
    asked_until: int
    tries: int
