"""Ports whose calls something watches."""

from collections.abc import Callable
from copy import copy
from typing import Any, get_protocol_members

from token_broker.ports.store import Store


class Wrapped:
    """A port of which each call goes through `around`, which gets the operation's name and the call."""

    def __init__(self, port: Any, around: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._port = port
        self._around = around

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value
        return lambda *arguments, **named: self._around(name, lambda: value(*arguments, **named))


def wrapped(store: Any, wrap: Callable[[Any], Any]) -> Any:
    """Return a store on the same state with each part wrapped."""
    watched = copy(store)
    for name in get_protocol_members(Store):
        setattr(watched, name, wrap(getattr(store, name)))
    return watched
