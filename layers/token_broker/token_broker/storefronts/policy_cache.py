"""Cache trust policies in an authorizer for 30 s. API Gateway adds 60 s, so a change takes effect within 90 s."""

from collections.abc import Callable
from typing import Literal

from token_broker.bounded_cache import BoundedCache
from token_broker.clock import Clock
from token_broker.storefronts.trust_policy import TrustPolicy

#: Seconds for which a policy is cached.
TTL_SECONDS = 30.0
#: Seconds for which the absence of a policy is cached. It is short, since an operator may be creating one.
ABSENT_TTL_SECONDS = 5.0


class PolicyCache:
    """Keep policies in one bounded cache, and names without a policy in another.

    A stranger can invent names without end. They must not displace policies.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._policies = BoundedCache[str, TrustPolicy](clock)
        self._absent = BoundedCache[str, Literal[True]](clock)

    def policy(self, merchant: str, read: Callable[[], TrustPolicy | None]) -> TrustPolicy | None:
        """Return the merchant's policy, at most 30 s old. If `read` fails, its error is raised."""
        policy = self._policies.get(merchant)
        if policy is not None or self._absent.get(merchant):
            return policy
        started = self._clock.monotonic()
        policy = read()
        if policy is None:
            self._absent.put(merchant, True, started + ABSENT_TTL_SECONDS)
        else:
            self._policies.put(merchant, policy, started + TTL_SECONDS)
        return policy
