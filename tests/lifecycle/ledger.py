"""What stands in a token table, whatever it is kept in: what the rules of the lifecycle are checked on."""

from typing import Protocol

from tests.fakes.store import MemoryStore
from token_broker.domain.events import Event
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, Token


class Ledger(Protocol):
    """One provider's part."""

    def records(self) -> list[Token]:
        """Every token's record."""

    def current(self, merchant: str) -> Token | None:
        """Return what is served for a shop."""

    def open_intents(self) -> set[str]:
        """Return the open intents."""

    def due(self, merchant: str) -> list[str]:
        """Return the pending work."""

    def rotations(self) -> list[Rotation]:
        """Open ones, and the last ones."""

    def told(self) -> list[Event]:
        """Return the emitted events."""


class MemoryLedger:
    """That of the store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def records(self) -> list[Token]:
        return list(self._store.records.values())

    def current(self, merchant: str) -> Token | None:
        work = self._store.subjects.get((merchant, SHOP))
        return None if work is None else work.current

    def open_intents(self) -> set[str]:
        return set(self._store.open_intents)

    def due(self, merchant: str) -> list[str]:
        return self._store.due_items(merchant)

    def rotations(self) -> list[Rotation]:
        return list(self._store.rotation_items.values())

    def told(self) -> list[Event]:
        return list(self._store.told)
