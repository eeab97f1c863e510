"""Counting what is asked of AWS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def counted(*clients: Any) -> Iterator[list[str]]:
    """Yield the list of the clients' operations in the block, in their order, such as `GetItem`."""
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    for client in clients:
        client.meta.events.register("before-call", note)
    try:
        yield asked
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", note)
