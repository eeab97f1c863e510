"""Rotations, and how a merchant wants them."""

from dataclasses import dataclass
from typing import Any

from token_broker.domain.delays import DAY
from token_broker.domain.token import State, Token


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
