"""The keys that a JWT can be held against. The algorithm belongs to the key: a JWT never chooses it."""

from dataclasses import dataclass, field
from typing import Protocol

from jwt import PyJWK

from proofs.outcomes import ProofRejected


@dataclass(frozen=True, slots=True)
class Key:
    """One key: an HS256 secret's bytes, or an issuer's public key. `kid` is None where its owner gave it no name."""

    kid: str | None
    algorithm: str
    material: bytes | PyJWK = field(repr=False)


class KeySource(Protocol):
    """Somebody's keys: a merchant's by its name, an issuer's by the address of its key set."""

    def current(self, owner: str) -> tuple[Key, ...]:
        """The keys as far as they are known. Raises `KeysUnavailable`."""
        ...

    def renewed(self, owner: str) -> tuple[Key, ...] | None:
        """The keys asked for anew, since those known did not fit; None where that was done a moment ago.

        Raises `KeysUnavailable` where it fails, or where it failed a moment ago.
        """
        ...


def choose(keys: tuple[Key, ...], *, kid: str | None, algorithm: str) -> Key:
    """The one key for a JWT that names this `kid` or, without one, the one that is for its `alg`.

    Raises `ProofRejected`: nothing is tried, or guessed. Whether the `alg` is the key's is for PyJWT to check.
    """
    named = [key for key in keys if (key.algorithm == algorithm if kid is None else key.kid == kid)]
    if not named:
        raise ProofRejected("unknown_key")
    if len(named) > 1:
        raise ProofRejected("ambiguous_key")
    return named[0]
