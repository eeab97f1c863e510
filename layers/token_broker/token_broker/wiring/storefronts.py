"""Where the parts around trust policies are put together: for the storefronts' authorizers and the policies' routes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from token_broker import settings
from token_broker.aws.store.policies import DynamoPolicies
from token_broker.errors import Forbidden
from token_broker.wiring.container import Container

if TYPE_CHECKING:
    from token_broker.aws.secrets import SecretsManager
    from token_broker.clock import Deadline
    from token_broker.domain.grant import Grant
    from token_broker.storefronts.admission import Admission
    from token_broker.storefronts.change_policy import TrustPolicies

#: A merchant's keys for proofs are named like a provider's secret: `{prefix}/storefront-proof/{merchant}`.
PROOF_KEYS = "storefront-proof"
#: Seconds that such a key is kept in memory: one that was taken away is used no longer than a policy would be.
PROOF_KEYS_TTL_SECONDS = 30.0


@dataclass
class StorefrontContainer(Container):
    """The parts around trust policies."""

    name: str = "storefronts"

    @cached_property
    def loopback_jwks_origin(self) -> str:
        """The one plain address that may serve keys: a local stack's issuer."""
        return settings.optional("LOOPBACK_JWKS_ORIGIN", "")

    @cached_property
    def proof_keys(self) -> SecretsManager:
        """The keys of merchants' backends."""
        from token_broker.aws.secrets import SecretsManager

        return SecretsManager(
            self.aws("secretsmanager"),
            prefix=self.settings.secret_prefix,
            provider=PROOF_KEYS,
            clock=self.clock,
            life=PROOF_KEYS_TTL_SECONDS,
        )

    @cached_property
    def _store(self) -> DynamoPolicies:
        return DynamoPolicies(self.table, self.clock)

    @cached_property
    def _admission(self) -> Admission:
        from token_broker.storefronts.admission import Admission
        from token_broker.storefronts.policy_cache import PolicyCache

        return Admission(
            self._store, PolicyCache(self.clock), self.telemetry, loopback_jwks_origin=self.loopback_jwks_origin
        )

    def admission(self) -> Admission:
        """The merchants' policies, with this process's memory."""
        return self._admission

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> TrustPolicies:  # noqa: ARG002
        """The operations on policies for one call. Raises `Forbidden` for a storefront."""
        from token_broker.storefronts.change_policy import TrustPolicies

        if grant is not None:
            raise Forbidden("Storefronts cannot change what they are allowed.")
        return TrustPolicies(self._store, self.telemetry, caller=caller, loopback_jwks_origin=self.loopback_jwks_origin)


STOREFRONTS = StorefrontContainer()
