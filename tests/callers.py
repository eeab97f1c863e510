"""Callers that come at once: each in a thread of its own, and none before all are there."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def at_once[T](calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls at once, and return what each returned, in their order."""
    start = Barrier(len(calls))

    def caller(call: Callable[[], T]) -> T:
        start.wait(20)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(caller, calls))
