"""Cache trust policies in an authorizer for 30 s. API Gateway adds 60 s, so a change takes effect within 90 s."""

from collections.abc import Callable

from token_broker.clock import Clock
from token_broker.storefronts.trust_policy import TrustPolicy

#: Seconds for which a policy is cached.
TTL_SECONDS = 30.0
#: Seconds for which the absence of a policy is cached. It is short, since an operator may be creating one.
ABSENT_TTL_SECONDS = 5.0
MAX_ENTRIES = 1024

#: The expiry on the monotonic clock, and the policy, by merchant.
type _Entries = dict[str, tuple[float, TrustPolicy | None]]


class PolicyCache:
    """Keep policies in one bounded map, and names without a policy in another.

    A stranger can invent names without end. They must not displace policies.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._policies: _Entries = {}
        self._absent: _Entries = {}

    def policy(self, merchant: str, read: Callable[[], TrustPolicy | None]) -> TrustPolicy | None:
        """Return the merchant's policy, at most 30 s old. If `read` fails, its error is raised."""
        started = self._clock.monotonic()
        entry = self._policies.pop(merchant, None) or self._absent.pop(merchant, None)
        if entry is None or started >= entry[0]:
            policy = read()
            entry = started + (ABSENT_TTL_SECONDS if policy is None else TTL_SECONDS), policy
        entries = self._absent if entry[1] is None else self._policies
        if len(entries) >= MAX_ENTRIES:
            entries.pop(next(iter(entries)))  # the least recently used entry is the first one
        entries[merchant] = entry
        return entry[1]
