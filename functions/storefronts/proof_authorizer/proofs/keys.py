"""Choose the key for a JWT. The algorithm belongs to the key, so a JWT never chooses it."""

from typing import NamedTuple

from jwt import PyJWK

from proofs.outcomes import ProofRejected
from token_broker.domain.shown import shown


class Key(NamedTuple):
    """Hold an HS256 secret's bytes, or an issuer's public key. `kid` is None if the key has no id."""

    kid: str | None
    algorithm: str
    material: bytes | PyJWK

    def __repr__(self) -> str:
        """Show all but the key itself."""
        return shown(self, without=("material",))


def choose(keys: tuple[Key, ...], *, kid: str | None, algorithm: str) -> Key:
    """Return the one key with a JWT's `kid`. Without a `kid` it is the one key for the JWT's `alg`.

    Raises `ProofRejected` unless exactly one key fits. PyJWT checks later that the `alg` is the key's.
    """
    named = [key for key in keys if (key.algorithm == algorithm if kid is None else key.kid == kid)]
    if not named:
        raise ProofRejected("unknown_key")
    if len(named) > 1:
        raise ProofRejected("ambiguous_key")
    return named[0]
