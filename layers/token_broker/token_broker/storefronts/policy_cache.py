"""Trust policies in an authorizer's memory, for at most 30 s: with the gateway's 60 s a change bites within 90 s."""

from collections.abc import Callable

from token_broker.clock import Clock
from token_broker.storefronts.trust_policy import TrustPolicy

#: Seconds that a policy is believed.
TTL_SECONDS = 30.0
#: Seconds that a merchant without a policy stays without: somebody may just be putting one.
ABSENT_TTL_SECONDS = 5.0
MAX_ENTRIES = 1024


#: Until when, on the monotonic clock, and what; by merchant.
type _Kept = dict[str, tuple[float, TrustPolicy | None]]


class PolicyCache:
    """Two bounded maps: merchants' policies, and the names without one, which a stranger can make up without end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._policies: _Kept = {}
        self._absent: _Kept = {}

    def policy(self, merchant: str, read: Callable[[], TrustPolicy | None]) -> TrustPolicy | None:
        """The policy as it was at most 30 s ago. What `read` raises is raised: an old policy is no answer."""
        started = self._clock.monotonic()
        kept = self._policies.pop(merchant, None) or self._absent.pop(merchant, None)
        if kept is None or started >= kept[0]:
            policy = read()
            kept = started + (ABSENT_TTL_SECONDS if policy is None else TTL_SECONDS), policy
        here = self._absent if kept[1] is None else self._policies
        if len(here) >= MAX_ENTRIES:
            here.pop(next(iter(here)))  # the one not used for longest
        here[merchant] = kept  # now the one used last
        return kept[1]
