"""How the verification of a proof can end."""

from dataclasses import dataclass
from typing import Literal

#: Why a proof was refused: for the log. Never a value, and never told to whoever sent the proof.
type Refusal = Literal[
    "malformed",
    "refused_header",
    "unknown_issuer",
    "wrong_algorithm",
    "unknown_key",
    "ambiguous_key",
    "bad_signature",
    "missing_claim",
    "wrong_audience",
    "bad_time",
    "expired",
    "too_long",
    "not_yet_valid",
    "bad_session",
    "wrong_claim",
]

#: Why there was no key to check a proof with.
type Unavailability = Literal[
    "no_secret",
    "secret_unusable",
    "secret_unreadable",
    "jwks_address_refused",
    "jwks_name_not_found",
    "jwks_unreachable",
    "jwks_timed_out",
    "jwks_interrupted",
    "jwks_too_large",
    "jwks_wrong_status",
    "jwks_malformed",
]


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof: `session_id` is the session it is good for, `expires_at` its `exp` in Unix seconds."""

    session_id: str
    expires_at: int
    issuer: str


class ProofRejected(Exception):
    """The proof is none."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


class KeysUnavailable(Exception):
    """There is no key to check the proof with just now: nothing can be said of it."""

    def __init__(self, reason: Unavailability) -> None:
        super().__init__(reason)
        self.reason: Unavailability = reason
