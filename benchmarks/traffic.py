"""Make the requests of a day for 1,000 merchants, by three assumptions. The same seed makes the same day."""

from collections.abc import Iterator
from itertools import accumulate
from math import cos, pi
from random import Random
from typing import NamedTuple

DAY = 24 * 60 * 60.0
MERCHANTS = 1_000
#: Requests of a quiet day: each merchant's shop is opened once.
QUIET = 1_000
#: Requests of a usual day, the hour with most of them, and how far the wave goes above and below the mean.
SHOPS, PEAK_HOUR, WAVE = 100_000, 20, 0.8
#: A flash sale: the merchant (its rank by requests), its hour, seconds, and requests in a second.
SALE_MERCHANT, SALE_HOUR, SALE_SECONDS, SALE_RATE = 100, 18, 600.0, 80
#: One request in so many opens a checkout session, whose page asks again after these seconds.
CHECKOUT, ASKS_AGAIN = 50, (300.0, 2400.0)
#: Seconds until a session's token has expired, less the margin in which it is not returned.
SESSION_TOKEN = 30 * 60.0 - 60


class Request(NamedTuple):
    """Hold one request for a shop's token or a session's: the second of the day, and whether a token is created."""

    at: float
    merchant: int
    session: bool = False
    mints: bool = False


class Traffic(NamedTuple):
    """Hold a day's requests in the order of time, and what was assumed."""

    title: str
    requests: list[Request]


def traffic(seed: int = 19) -> Iterator[Traffic]:
    """Yield the three days, one after the other."""
    random = Random(seed)  # noqa: S311  # a simulation
    even = [(random.uniform(0, DAY), random.randrange(MERCHANTS)) for _ in range(QUIET)]
    yield Traffic("A quiet day", _with_sessions(random, even))
    shops = _wave(random)
    yield Traffic("Shops with a daily wave", _with_sessions(random, shops))
    burst = [
        (SALE_HOUR * 3600 + random.uniform(0, SALE_SECONDS), SALE_MERCHANT)
        for _ in range(int(SALE_RATE * SALE_SECONDS))
    ]
    yield Traffic("The same with one merchant's flash sale", _with_sessions(random, [*shops, *burst]))


def _wave(random: Random) -> list[tuple[float, int]]:
    """Return requests that follow the hours, for merchants whose shares follow Zipf's law."""
    weights = list(accumulate(1 / rank for rank in range(1, MERCHANTS + 1)))
    merchants = random.choices(range(MERCHANTS), cum_weights=weights, k=SHOPS)
    return [(_moment(random), merchant) for merchant in merchants]


def _moment(random: Random) -> float:
    """Return a second of the day, most likely in the hour with most requests."""
    while True:
        at = random.uniform(0, DAY)
        if random.random() * (1 + WAVE) < 1 + WAVE * cos(2 * pi * (at / DAY - PEAK_HOUR / 24)):
            return at


def _with_sessions(random: Random, visits: list[tuple[float, int]]) -> list[Request]:
    """Return the visits, and the requests of the checkout sessions that some of them open."""
    requests = [Request(at, merchant) for at, merchant in visits]
    for at, merchant in visits:
        if random.randrange(CHECKOUT) == 0:
            requests += session(at, merchant)
    return sorted(requests)


def session(opened: float, merchant: int) -> Iterator[Request]:
    """Yield a session's requests until the end of the day. The first one, and one after the expiry, create a token."""
    expires = opened
    for at in (opened, *(opened + later for later in ASKS_AGAIN)):
        mints = at >= expires
        if mints:
            expires = at + SESSION_TOKEN
        if at < DAY:
            yield Request(at, merchant, session=True, mints=mints)
