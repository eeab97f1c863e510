"""Define the results of a proof's verification."""

from dataclasses import dataclass
from typing import Literal

#: Why a proof was rejected. It is for the log only and holds no value.
type RejectionReason = Literal[
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

#: Why there is no key to check a proof with.
type UnavailabilityReason = Literal[
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
    """Hold a verified proof. `session_id` is the proved session, `expires_at` its `exp` in Unix seconds."""

    session_id: str
    expires_at: int
    issuer: str


class ProofRejected(Exception):
    """Report that a JWT proves nothing."""

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(reason)
        self.reason: RejectionReason = reason


class KeysUnavailable(Exception):
    """Report that a proof cannot be checked now, since there is no key for it."""

    def __init__(self, reason: UnavailabilityReason) -> None:
        super().__init__(reason)
        self.reason: UnavailabilityReason = reason
