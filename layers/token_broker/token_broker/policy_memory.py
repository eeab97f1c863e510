"""Trust policies in an authorizer's memory, for at most 30 s: with the gateway's 60 s a change bites within 90 s."""

from collections.abc import Callable

from token_broker.clock import Clock
from token_broker.trust_policy import TrustPolicy

#: Seconds that a policy is believed.
LIFE = 30.0
#: Seconds that a merchant without a policy stays without: somebody may just be putting one.
ABSENT_LIFE = 5.0
KEPT = 1024


type _Kept[T] = dict[str, tuple[float, T]]


class PolicyMemory:
    """Two bounded maps: merchants' policies, and the names without one, which a stranger can make up without end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._policies: _Kept[TrustPolicy] = {}
        self._absent: _Kept[None] = {}

    def policy(self, merchant: str, read: Callable[[], TrustPolicy | None]) -> TrustPolicy | None:
        """The policy as it was at most 30 s ago. What `read` raises is raised: an old policy is no answer."""
        started = self._clock.monotonic()
        kept = self._policies.pop(merchant, None) or self._absent.pop(merchant, None)
        policy = kept[1] if kept is not None and started < kept[0] else read()
        until = kept[0] if kept is not None and started < kept[0] else None
        if policy is None:
            _keep(self._absent, merchant, (until or started + ABSENT_LIFE, None))
        else:
            _keep(self._policies, merchant, (until or started + LIFE, policy))
        return policy


def _keep[T](kept: _Kept[T], merchant: str, entry: tuple[float, T]) -> None:
    if len(kept) >= KEPT:
        kept.pop(next(iter(kept)))  # the one not used for longest
    kept[merchant] = entry
