"""Admit storefronts and clients by their merchant's trust policy.

An authorizer caches policies for 30 s. API Gateway keeps a decision about a client for 60 s more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from token_broker.bounded_cache import BoundedCache
from token_broker.domain.grant import Grant
from token_broker.errors import Forbidden, InvalidRequest
from token_broker.storefronts.trust_policy import TrustPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Clock
    from token_broker.ports.documents import StoredPolicy
    from token_broker.ports.telemetry import Telemetry

#: Seconds for which a policy is cached.
TTL_SECONDS = 30.0
#: Seconds for which the absence of a policy is cached. It is short, since an operator may be creating one.
ABSENT_TTL_SECONDS = 5.0


class Admission:
    """Read and cache trust policies, and admit anonymous pages, for one process of an authorizer.

    Names without a policy have a cache of their own. A stranger can invent names without end, and they must not
    displace policies. `read` returns a merchant's stored policy with its preview origins, in one read.
    """

    def __init__(
        self,
        read: Callable[[str], StoredPolicy],
        clock: Clock,
        telemetry: Telemetry,
        parse: Callable[[Any], TrustPolicy],
    ) -> None:
        self._read_stored = read
        self._clock = clock
        self._telemetry = telemetry
        self._parse = parse
        self._policies = BoundedCache[str, TrustPolicy](clock)
        self._absent = BoundedCache[str, Literal[True]](clock)

    def policy(self, merchant: str) -> TrustPolicy:
        """Return the merchant's policy, at most 30 s old.

        Raises `Forbidden` if there is none, and `StorageUnavailable` if it cannot be read.
        """
        policy = self._policies.get(merchant)
        if policy is None and not self._absent.get(merchant):
            started = self._clock.monotonic()
            policy = self._read(merchant)
            if policy is None:
                self._absent.put(merchant, True, started + ABSENT_TTL_SECONDS)
            else:
                self._policies.put(merchant, policy, started + TTL_SECONDS)
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
        if not self.admits(policy, origin):
            raise Forbidden("the policy does not name this origin")
        if operation not in policy.anonymous:
            raise Forbidden("the policy does not allow this operation to anonymous pages")
        return Grant(merchant=merchant, origins=(origin,))

    def admits(self, policy: TrustPolicy, origin: str) -> bool:
        """Return whether the policy admits pages of this origin now."""
        return policy.admits(origin, self._clock.now())

    def _read(self, merchant: str) -> TrustPolicy | None:
        stored = self._read_stored(merchant)
        if stored.document is None:
            return None
        try:
            return self._parse(stored.document)._replace(previews=stored.previews)
        except InvalidRequest as reason:
            # The route stores valid policies only. The meaning of this document is in doubt, so it allows nothing.
            self._telemetry.notice("trust_policy_unusable", merchant=merchant, reason=reason.detail)
            return None
