"""Define the store of secrets: those that operators write, and the session secrets that the broker writes."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from token_broker.domain.credential_pair import CredentialPair


class Secrets(Protocol):
    """Read the secrets that operators write, one for each merchant."""

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the merchant's secret as a JSON object. `fresh` skips the cache.

        Raises `MerchantNotFound`, `MerchantMisconfigured` or `StorageUnavailable`.
        """


class ProviderSecrets(Secrets, Protocol):
    """Read the secrets of one provider."""

    def read_app(self, app: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the secret that the merchants of one app share. Raises `MerchantMisconfigured` if there is none."""


class StoredPair(NamedTuple):
    """Hold a pair with the version of the session secret that has its refresh token.

    The version is empty if the operator's secret has the refresh token.
    """

    version_id: str
    pair: CredentialPair


class SessionSecrets(Protocol):
    """Keep the pair of each merchant at one provider. Each method raises `StorageUnavailable` if the storage fails."""

    def read(self, merchant: str, version_id: str | None = None) -> StoredPair | None:
        """Return the pair of a version, or of the newest version. Returns None if there is no such version."""

    def write(self, merchant: str, pair: CredentialPair) -> str:
        """Store the pair as a new version, and return the version's id."""
