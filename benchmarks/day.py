"""Simulate a day of Lambda functions: their environments, cold starts, caches and billed time.

An environment serves one call at a time. A call gets the free environment that was used last, or a new one. Nothing of
the network is simulated but the waits for the table and the provider, which are billed and keep an environment busy.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from math import ceil, inf
from typing import NamedTuple

from benchmarks.measured_times import Handler, Mint, Work
from benchmarks.traffic import Request


class Assumptions(NamedTuple):
    """Hold what AWS does not publish, and the waits."""

    #: Seconds for which an unused environment is kept: 5 to 7 minutes were measured (mikhail.io/serverless/coldstarts).
    idle: float = 300
    #: Seconds after which a used one is ended. AWS says: every few hours.
    longest: float = 2 * 60 * 60
    #: Milliseconds until the table and the provider answer.
    table: float = 5
    provider: float = 500


ASSUMED = Assumptions()


class Day(NamedTuple):
    """Hold the quantities of a day. `cached` are requests without a read, the milliseconds are without waits."""

    requests: int
    mints: int
    cold_starts: int
    cached: int
    reads: int
    billed_seconds: float
    #: X-Ray records the first request of each second, and 5 % of the others.
    traced: float
    p50: float
    p95: float
    p99: float


class _Called(NamedTuple):
    """Hold a call's own milliseconds, those of its waits, and whether it has read the table."""

    own: float
    waits: float
    read: bool


class _Environment:
    """Hold when an environment was made, whether it has created a token, and until when it caches each item."""

    __slots__ = ("born", "fresh_until", "minted")

    def __init__(self, born: float) -> None:
        self.born = born
        self.minted = False
        self.fresh_until: dict[int, float] = {}


class Function:
    """Serve the calls of one function, which must come in the order of time."""

    def __init__(self, work: Work, mint: Mint, assumed: Assumptions) -> None:
        self._work = work
        self._mint = mint
        self._assumed = assumed
        #: The second of each environment's last use. In the second list it stays in this order.
        self._busy: list[tuple[float, int, _Environment]] = []
        self._idle: list[tuple[float, _Environment]] = []
        self.calls = self.cold_starts = self.reads = self.billed = 0

    def call(self, at: float, merchant: int, *, mints: bool = False) -> _Called:
        """Return what a call took."""
        environment, own = self._free(at), 0.0
        new = environment is None
        if environment is None:
            environment, own = _Environment(at), self._work.init
            self.cold_starts += 1
        read = at >= environment.fresh_until.get(merchant, -inf)
        if read:
            environment.fresh_until[merchant] = at + self._work.fresh_for
            self.reads += 1
        own += self._work.first if new else self._work.reading if read else self._work.cached
        waits = self._assumed.table if read else 0.0
        if mints:
            own += self._mint.later if environment.minted else self._mint.first
            environment.minted = True
            waits += self._assumed.provider + 3 * self._assumed.table
        self.calls += 1
        self.billed += ceil(own + waits)
        heappush(self._busy, (at + (own + waits) / 1000, self.calls, environment))
        return _Called(own, waits, read)

    def _free(self, at: float) -> _Environment | None:
        """Return the free environment that was used last, or None."""
        while self._busy and self._busy[0][0] <= at:
            used, _, environment = heappop(self._busy)
            self._idle.append((used, environment))
        while self._idle:
            used, environment = self._idle.pop()
            if at - used <= self._assumed.idle and at - environment.born <= self._assumed.longest:
                return environment
        return None


def simulate(handler: Handler, requests: Sequence[Request], assumed: Assumptions = ASSUMED) -> Day:
    """Return the quantities of a day with at least one request, in the order of time."""
    functions, own, cached = [], [], 0
    for works, session in ((handler.shop, False), (handler.session, True)):
        authorizer, function = (Function(work, handler.mint, assumed) for work in works)
        functions += [authorizer, function]
        admitted = []
        for request in requests:
            if request.session is session:
                called = authorizer.call(request.at, request.merchant)
                admitted.append((request.at + (called.own + called.waits) / 1000, called, request))
        for at, before, request in sorted(admitted):
            called = function.call(at, request.merchant, mints=request.mints)
            own.append(before.own + called.own)
            cached += not (before.read or called.read)
    own.sort()
    seconds = len({int(request.at) for request in requests})
    return Day(
        requests=len(requests),
        mints=sum(request.mints for request in requests),
        cold_starts=sum(function.cold_starts for function in functions),
        cached=cached,
        reads=sum(function.reads for function in functions),
        billed_seconds=sum(function.billed for function in functions) / 1000,
        traced=seconds + (len(requests) - seconds) * 0.05,
        p50=_part(own, 0.5),
        p95=_part(own, 0.95),
        p99=_part(own, 0.99),
    )


def _part(ordered: Sequence[float], part: float) -> float:
    """Return the smallest value that is not below so large a part of all."""
    return ordered[ceil(part * len(ordered)) - 1]
