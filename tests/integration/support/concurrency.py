"""What many workers in one process need: moto and Powertools are made for one call at a time."""

from collections.abc import Callable
from threading import Lock
from types import SimpleNamespace
from typing import Any

from tests.integration.support.in_process_stack import Stack


class OneByOne:
    """An AWS client for threads: moto itself is not safe against them. Real writes are just as atomic."""

    def __init__(self, client: Any, lock: Lock) -> None:
        self._client = client
        self._lock = lock

    @classmethod
    def clients(cls, stack: Stack) -> Callable[[str], Any]:
        """Return what makes the functions' clients of a stack. One lock is for all of them."""
        lock = Lock()
        clients = {"dynamodb": stack.dynamodb, "secretsmanager": stack.secretsmanager}
        return lambda service: cls(clients[service], lock)

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            with self._lock:
                return getattr(self._client, name)(**arguments)

        return call


class Quiet:
    """Telemetry for threads: Powertools keeps its numbers for the process, which in Lambda has one call at a time."""

    log = SimpleNamespace(info=lambda *_, **__: None, error=lambda *_, **__: None)

    def begin(self, *_: object) -> None: ...
    def end(self) -> None: ...
    def notice(self, event: str, **fields: object) -> None: ...
    def annotate(self, **fields: object) -> None: ...
    def answered(self, **fields: object) -> None: ...
    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None: ...
    def observe(self, method: str, outcome: int | str, seconds: float) -> None: ...
