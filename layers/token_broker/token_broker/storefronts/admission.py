"""What an authorizer knows of the merchants: their policies, and the rule for shop-wide tokens."""

from token_broker.domain.grant import Grant
from token_broker.errors import Forbidden, InvalidRequest
from token_broker.ports.policies import PolicyStore
from token_broker.ports.telemetry import Telemetry
from token_broker.storefronts.policy_cache import PolicyCache
from token_broker.storefronts.trust_policy import ANONYMOUS_OPERATIONS, TrustPolicy, parse


class Admission:
    """Merchants' policies, for one process of an authorizer."""

    def __init__(
        self, store: PolicyStore, cache: PolicyCache, telemetry: Telemetry, *, loopback_jwks_origin: str = ""
    ) -> None:
        self._store = store
        self._cache = cache
        self._telemetry = telemetry
        self._loopback_jwks_origin = loopback_jwks_origin

    def policy(self, merchant: str) -> TrustPolicy:
        """The merchant's policy. Raises `Forbidden` where there is none, `StorageUnavailable`."""
        policy = self._cache.policy(merchant, lambda: self._read(merchant))
        if policy is None:
            raise Forbidden("no trust policy")
        return policy

    def admit_page(self, merchant: str, operation: str, origin: str | None) -> Grant:
        """What an anonymous page may have: its origin and the operation stand in the policy. Raises `Forbidden`."""
        if origin is None or operation not in ANONYMOUS_OPERATIONS:
            raise Forbidden("no page's request")  # nothing is read for what no policy could open
        policy = self.policy(merchant)
        if origin not in policy.origins:
            raise Forbidden("an origin that the policy does not name")
        if operation not in policy.anonymous:
            raise Forbidden("an operation that the policy keeps from anonymous pages")
        return Grant(merchant=merchant, origins=policy.origins)

    def _read(self, merchant: str) -> TrustPolicy | None:
        stored = self._store.read(merchant)
        if stored is None or stored.document is None:
            return None
        try:
            return parse(stored.document, loopback_jwks_origin=self._loopback_jwks_origin)
        except InvalidRequest as reason:
            # Not written by our route: what it means is in doubt, so it opens nothing.
            self._telemetry.notice("trust_policy_unusable", merchant=merchant, reason=reason.detail)
            return None
