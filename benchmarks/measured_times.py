"""Read how long the functions of ours and of the usual handler take, from the figures of `make bench`."""

import json
from pathlib import Path
from typing import Any, NamedTuple

FIGURES = Path(__file__).parent / "results/figures.json"
#: Milliseconds in which Linux counts a process's share of a processor. Lambda's are not published.
PERIOD = 20.0
#: Seconds for which our processes cache a policy and a shop's token.
CACHED = 30.0
#: No measured time is as large, in its own unit. The smallest memory buys more of a processor than this.
LARGEST_TIME, SMALLEST_SHARE = 1e6, 0.01


class FiguresError(Exception):
    """Report that there are no figures, or that one of them is no time. The text says what to do."""


class Work(NamedTuple):
    """Hold one function's own milliseconds: INIT at a full processor, the others at the function's share of one."""

    init: float
    #: The first call of a process.
    first: float
    #: A later call that needs no read, and one with a read.
    cached: float
    reading: float
    #: Seconds for which a process caches what it has read. With 0, each call reads.
    fresh_for: float


class Mint(NamedTuple):
    """Hold what creating a token adds to a call's own milliseconds: the first time in a process, and later."""

    first: float
    later: float


class Handler(NamedTuple):
    """Hold the functions of one way to serve tokens: each time the authorizer, then what it guards."""

    title: str
    shop: tuple[Work, Work]
    session: tuple[Work, Work]
    mint: Mint


class Measured(NamedTuple):
    """Hold the handlers, ours first, the day on which they were measured, and whether the machine was busy."""

    handlers: tuple[Handler, Handler, Handler]
    date: str
    noisy: bool


class _Document:
    """Look up times in the document of figures."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self.share = self.number("share")

    def number(self, *path: str) -> float:
        """Return a figure. Raises `FiguresError` if it is missing, negative or too large."""
        value = self._at(*path)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LARGEST_TIME:
            raise FiguresError(f"The figures have no time {'.'.join(path)}: run `make bench` again.")
        return float(value)

    def work(self, start: str, *, cached: float, reading: float, fresh_for: float) -> Work:
        """Return a function's times, with the microseconds of its later calls at a full processor."""
        at_share = self._at("starts", start, "first_at_share_ms")
        first = (
            stretched(self.number("starts", start, "first_ms"), self.share)
            if at_share is None
            else self.number("starts", start, "first_at_share_ms")
        )
        return Work(
            init=self.number("starts", start, "init_ms"),
            first=first,
            cached=stretched(cached / 1000, self.share),
            reading=stretched(reading / 1000, self.share),
            fresh_for=fresh_for,
        )

    def _at(self, *path: str) -> Any:
        value = self._document
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


def stretched(milliseconds: float, share: float) -> float:
    """Return how long work takes if a process stops in each period once it has used its share of a processor."""
    quota = share * PERIOD
    return milliseconds + milliseconds // quota * (PERIOD - quota)


def read_figures(path: Path = FIGURES) -> Measured:
    """Return the handlers. Raises `FiguresError` if the file cannot be read, or lacks a time."""
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise FiguresError(f"There are no figures for a day at {path}: `make bench` writes them.") from None
    except OSError as error:
        raise FiguresError(f"The figures for a day at {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise FiguresError(f"{path} is not JSON ({error}): run `make bench` again.") from None
    times = _Document(document)
    if not SMALLEST_SHARE <= times.share <= 1:
        raise FiguresError(f"{path} has no share of a processor from {SMALLEST_SHARE} to 1: run `make bench` again.")
    mint = _mint(times)
    handlers = (
        _ours(times, mint),
        _usual(times, "usual, compiled", "usual-compiled", mint),
        _usual(times, "usual, as deployed", "usual", mint),
    )
    return Measured(handlers, str(document.get("measured", "an unknown day")), document.get("noisy") is True)


def _mint(times: _Document) -> Mint:
    """Return what creating a token adds. It is the same for all handlers, so it makes no difference between them."""
    current, minted = (times.number("starts", f"chicksx-{kind}", "first_ms") for kind in ("current", "minted"))
    # The first time loads modules. Later, three writes remain, which botocore sends. A read stands for each.
    writes = 3 * times.number("warm", "read-botocore", "us") / 1000
    return Mint(stretched(max(writes, minted - current), times.share), stretched(writes, times.share))


def _ours(times: _Document, mint: Mint) -> Handler:
    """Return our functions. An authorizer's later calls are not measured: they take the token function's time."""
    memory = times.number("warm", "memory", "us")
    reading = memory + times.number("warm", "read", "us")

    def work(start: str, fresh_for: float) -> Work:
        return times.work(start, cached=memory, reading=reading, fresh_for=fresh_for)

    return Handler(
        "ours",
        shop=(work("shop-authorizer", CACHED), work("shopify-current", CACHED)),
        session=(work("proof-authorizer", CACHED), work("chicksx-current", 0)),
        mint=mint,
    )


def _usual(times: _Document, title: str, start: str, mint: Mint) -> Handler:
    """Return the usual functions, which read one item in each call.

    A later call is a log line, a metric and the read by botocore: the route, the validation and the resource layer are
    left out. The authorizer has bytecode and checks no proof.
    """
    reading = times.number("warm", "one-line", "us") + times.number("warm", "read-botocore", "us")
    authorizer, function = (
        times.work(each, cached=reading, reading=reading, fresh_for=0) for each in ("one-client", start)
    )
    return Handler(title, shop=(authorizer, function), session=(authorizer, function), mint=mint)
