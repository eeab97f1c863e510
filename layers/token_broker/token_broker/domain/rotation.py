"""Hold rotations and a merchant's rotation settings."""

from typing import Any, NamedTuple

from token_broker.domain.delays import DAY
from token_broker.domain.token import State, Token

#: The default overlap. It is longer than every cache, and leaves time to rebuild a site.
OVERLAP = 7 * DAY


class Succession(NamedTuple):
    """Hold the next state of the current token when a new one replaces it.

    `lost`: the provider has returned the new token instead. `retiring`: it keeps working until `until` (Unix seconds)
    and is then revoked. `revoking`: it is not served any more, and the worker revokes it from `until` on.
    """

    previous: Token
    state: State
    until: int | None = None
    rotation_id: str | None = None


class RotationSettings(NamedTuple):
    """Hold one merchant's rotation settings, in seconds.

    `max_age` is the age at which the scheduler rotates the token (None: only on request). `overlap` is how long the
    previous token keeps working. `paused` stops scheduled rotations.
    """

    overlap: int = OVERLAP
    max_age: int | None = None
    paused: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the document of the settings' routes, in days."""
        max_age = None if self.max_age is None else self.max_age // DAY
        return {"maxAgeDays": max_age, "overlapDays": self.overlap // DAY, "paused": self.paused}


class Rotation(NamedTuple):
    """Hold a request to replace the current token, whose id is `replaces`. Times are Unix seconds.

    While the request is `open`, the worker continues it at `due_at`. `tries` counts failed tries. `compromised`: the
    current and all retiring tokens are revoked. `failure` is the code of the last error, or None.
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
    failure: str | None = None
