"""Put the parts of trust policies together, for the storefronts' authorizers and the routes of policies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from token_broker import settings
from token_broker.aws.store.documents import trust_policies
from token_broker.errors import Forbidden
from token_broker.wiring.container import Container
from token_broker.wiring.profiles import PAGE_OPERATIONS

if TYPE_CHECKING:
    from token_broker.aws.secrets import SecretsManager
    from token_broker.clock import Deadline
    from token_broker.domain.grant import Grant
    from token_broker.ports.documents import PolicyStore
    from token_broker.storefronts.admission import Admission
    from token_broker.storefronts.change_policy import TrustPolicies
    from token_broker.storefronts.trust_policy import TrustPolicy

#: A merchant's proof keys are a secret with a name like a provider's: `{prefix}/storefront-proof/{merchant}`.
PROOF_KEYS = "storefront-proof"
#: Seconds for which proof keys are cached. A removed key is accepted no longer than a removed policy.
PROOF_KEYS_TTL_SECONDS = 30.0


@dataclass
class StorefrontContainer(Container):
    """Make the parts of trust policies and of the authorizers."""

    name: str = "storefronts"

    @cached_property
    def loopback_jwks_origin(self) -> str:
        """Return the one plain http origin that may serve keys, for a local stack's issuer. It is empty on AWS."""
        return settings.optional("LOOPBACK_JWKS_ORIGIN", "")

    @cached_property
    def proof_keys(self) -> SecretsManager:
        """Return the secrets with the keys of merchants' backends."""
        from token_broker.aws.secrets import SecretsManager

        return SecretsManager(
            self.aws("secretsmanager"),
            prefix=self.settings.secret_prefix,
            provider=PROOF_KEYS,
            clock=self.clock,
            life=PROOF_KEYS_TTL_SECONDS,
        )

    @cached_property
    def _store(self) -> PolicyStore:
        return trust_policies(self.table, self.clock)

    def _parse(self, document: Any) -> TrustPolicy:
        from token_broker.storefronts.trust_policy import parse

        return parse(document, page_operations=PAGE_OPERATIONS, loopback_jwks_origin=self.loopback_jwks_origin)

    @cached_property
    def _admission(self) -> Admission:
        from token_broker.storefronts.admission import Admission
        from token_broker.storefronts.policy_cache import PolicyCache

        return Admission(self._store, PolicyCache(self.clock), self.telemetry, self._parse)

    def admission(self) -> Admission:
        """Return the merchants' policies, with the cache of this process."""
        return self._admission

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> TrustPolicies:  # noqa: ARG002
        """Return the operations on policies for one call. Raises `Forbidden` for a storefront."""
        from token_broker.storefronts.change_policy import TrustPolicies

        if grant is not None:
            raise Forbidden("Storefronts cannot read or change trust policies.")
        return TrustPolicies(self._store, self.telemetry, self._parse, caller=caller)


STOREFRONTS = StorefrontContainer()
