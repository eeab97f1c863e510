"""What the product needs from outside, as narrow as it can be said. Adapters are in `aws` and `providers`; tests
bring fakes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from token_broker.clock import Deadline
from token_broker.domain.events import Event
from token_broker.domain.token import Cause, Mint, Minted, State, Token, Why
from token_broker.errors import Fate


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; the lifecycle reads this, never the provider's name.

    `marked` says that a mint carries a title in which the provider keeps our mark, so that a token whose answer was
    lost can be found by it. `rotates`: a second token can stand beside the first, and take its place. `expires`: tokens
    end by themselves. `recheck_after` is the age in seconds from which a shop's token is asked for again.
    """

    lists: bool = False
    revokes: bool = False
    marked: bool = False
    rotates: bool = False
    expires: bool = False
    sessions: bool = False
    recheck_after: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant's account at one provider: the secret's fields, checked.

    `credentials` are never shown; `settings` may be. `realm` is where at the provider the account is, if it can be one
    of many places (Shopify: the shop's domain).
    """

    merchant: str
    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    realm: str = ""

    def secrets(self) -> tuple[str, ...]:
        """The values that must not be repeated to anybody."""
        return tuple(self.credentials.values())


@dataclass(frozen=True, slots=True)
class Order:
    """What to mint: the title at the provider with its mark, or the session and the scopes it asked for."""

    title: str | None = None
    session_id: str | None = None
    scope: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A token in the provider's own list; the title still carries its mark."""

    minted: Minted
    title: str


class Provider(Protocol):
    """One provider's client.

    Every call keeps to its deadline, and raises `ProviderFailure`s that say what became of it.
    """

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """The secret's JSON, checked. Raises `MerchantMisconfigured`."""
        ...

    def mint(self, account: Account, order: Order, deadline: Deadline) -> Minted:
        """Have one token made, or get the one that the shop has where the provider keeps just one."""
        ...

    def forget(self, account: Account) -> None:
        """Throw away what was bought with this account's secret: it was refused."""
        ...


class ListingProvider(Provider, Protocol):
    """A provider that can list and revoke its tokens."""

    def list_tokens(self, account: Account, deadline: Deadline) -> list[Listed]:
        """All tokens of this app at the shop, ours and foreign."""
        ...

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        """End a token; one that is unknown at the provider has ended."""
        ...


class Telemetry(Protocol):
    """Where the product says what happened. Never given a secret or a token's value."""

    def notice(self, event: str, **fields: object) -> None:
        """Something that an operator should read."""
        ...

    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None:
        """One number."""
        ...


class Secrets(Protocol):
    """Merchants' secrets."""

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """The secret's JSON object. Raises `MerchantNotFound`, `MerchantMisconfigured`, `StorageUnavailable`."""
        ...


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
    held_until: int = 0
    unresolved: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """A create that was done before under the same Idempotency-Key."""

    token: Token


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else holds the mint right now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
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
    realm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """What becomes of the current token whose place a new one takes.

    `lost`: the provider has given the new one instead of it. `retiring`: it works on until `until` (Unix seconds) and
    is revoked then. `revoking`: it is served no more, and the provider is asked to end it from `until` on.
    """

    previous: Token
    state: State
    until: int | None = None
    rotation_id: str | None = None


#: In seconds.
DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationSettings:
    """How a merchant's token is rotated, in seconds: at what age by the clock (None: only on demand), and how long the
    one before it works on. `paused`: the clock begins no rotation.
    """

    max_age: int | None = None
    overlap: int
    paused: bool = False

    def as_json(self) -> dict[str, Any]:
        """The document of the settings' routes, in days."""
        max_age = None if self.max_age is None else self.max_age // DAY
        return {"maxAgeDays": max_age, "overlapDays": self.overlap // DAY, "paused": self.paused}


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationSchedule:
    """A merchant's settings as they stand: their `revision` rises with every change.

    `due_at` is when the clock looks after them next (Unix seconds); None where it rotates nothing.
    """

    settings: RotationSettings
    revision: int
    changed_by: str = ""
    changed_at: int = 0
    due_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The wish that another token be current than `replaces` is. Times are Unix seconds.

    While it is `open`, the clock comes back to it at `due_at`; `tries` counts what has failed. `compromised`: nothing
    that was current or retiring may live on.
    """

    merchant: str
    rotation_id: str
    replaces: str | None
    compromised: bool
    requested_by: str
    requested_at: int
    due_at: int
    open: bool = True
    tries: int = 0
    #: Why it ended without a new token: an error's code.
    failure: str | None = None


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
class Closure:
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
    why: Why = Why.REQUESTED


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent that its holder left without an end, with the right to end it.

    `asked_until` is when its last holder's right to ask the provider was over (Unix seconds).
    """

    mint: Mint
    requested_by: str
    asked_until: int
    tries: int


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
