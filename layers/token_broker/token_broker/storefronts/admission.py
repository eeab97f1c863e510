"""Admit storefronts by their merchant's trust policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from token_broker.domain.grant import Grant
from token_broker.errors import Forbidden, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.ports.documents import PolicyStore
    from token_broker.ports.telemetry import Telemetry
    from token_broker.storefronts.policy_cache import PolicyCache
    from token_broker.storefronts.trust_policy import TrustPolicy


class Admission:
    """Read trust policies and admit anonymous pages, for one process of an authorizer."""

    def __init__(
        self, store: PolicyStore, cache: PolicyCache, telemetry: Telemetry, parse: Callable[[Any], TrustPolicy]
    ) -> None:
        self._store = store
        self._cache = cache
        self._telemetry = telemetry
        self._parse = parse

    def policy(self, merchant: str) -> TrustPolicy:
        """Return the merchant's policy. Raises `Forbidden` if there is none, and `StorageUnavailable`."""
        policy = self._cache.policy(merchant, lambda: self._read(merchant))
        if policy is None:
            raise Forbidden("no trust policy")
        return policy

    def admit_page(self, merchant: str, operation: str, origin: str | None) -> Grant:
        """Return the grant of an anonymous page.

        Raises `Forbidden` unless the merchant's policy names the page's origin and the operation.
        """
        if origin is None:
            raise Forbidden("not a request of a page")  # no policy could allow it, so none is read
        policy = self.policy(merchant)
        if origin not in policy.origins:
            raise Forbidden("the policy does not name this origin")
        if operation not in policy.anonymous:
            raise Forbidden("the policy does not allow this operation to anonymous pages")
        return Grant(merchant=merchant, origins=policy.origins)

    def _read(self, merchant: str) -> TrustPolicy | None:
        stored = self._store.read(merchant)
        if stored.document is None:
            return None
        try:
            return self._parse(stored.document)
        except InvalidRequest as reason:
            # The route stores valid policies only. The meaning of this document is in doubt, so it allows nothing.
            self._telemetry.notice("trust_policy_unusable", merchant=merchant, reason=reason.detail)
            return None
