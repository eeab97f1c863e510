"""Define the results of a proof's verification."""

from typing import NamedTuple

from token_broker.errors import StorageUnavailable, Unauthenticated

#: The reasons that last until the merchant's operator stores a usable key, so a retry does not help.
PERMANENT = frozenset({"no_secret", "secret_unusable"})


class Proof(NamedTuple):
    """Hold a verified proof. `session_id` is the proved session, `expires_at` its `exp` in Unix seconds."""

    session_id: str
    expires_at: int
    issuer: str


class ProofRejected(Unauthenticated):
    """Report that a JWT proves nothing. The detail is one word for the log, and holds no value."""


class KeysUnavailable(StorageUnavailable):
    """Report that a proof cannot be checked now, since there is no key for it. `reason` is one word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__("The proof cannot be checked now.", causes=(f"keys: {reason}",))
        self.reason = reason
