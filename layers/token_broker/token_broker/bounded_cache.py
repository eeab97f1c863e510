"""Keep values in a process's memory, with a bound on their number and an expiry."""

from math import inf

from token_broker.clock import Clock

MAX_ENTRIES = 1024


class BoundedCache[K, V]:
    """Map keys to values until they expire. If it is full, the least recently used entry makes room."""

    __slots__ = ("_clock", "_entries", "_max_entries")

    def __init__(self, clock: Clock, max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._entries: dict[K, tuple[V, float]] = {}  # the least recently used entry is the first one

    def get(self, key: K) -> V | None:
        """Return the value, or None if there is none or it has expired."""
        entry = self._entries.pop(key, None)
        if entry is None or self._clock.monotonic() >= entry[1]:
            return None
        self._entries[key] = entry
        return entry[0]

    def put(self, key: K, value: V, expires_at: float = inf) -> None:
        """Keep a value until a time of the monotonic clock. A new value replaces the key's old one."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = value, expires_at

    def drop(self, key: K) -> None:
        """Remove the key's value, if there is one."""
        self._entries.pop(key, None)
