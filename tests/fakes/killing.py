"""A process that dies between two lines: after the n-th call to anything outside of it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.surroundings import ListingSurroundings
from tests.fakes.wrapped_store import Wrapped, wrapped


class Killed(BaseException):
    """The end of the process: nothing of the product may catch it."""


class Killer:
    """Counts the calls to what it watches, and kills after the one of that number (from 1 on; None: never)."""

    def __init__(self, after: int | None = None) -> None:
        self._after = after
        self.calls: list[str] = []

    def watch(self, port: Any) -> Any:
        """Wrap the port so that each of its operations is counted once it has done its work."""
        return Wrapped(port, self._count_after)

    def surround(self, stack: ListingSurroundings) -> None:
        """Watch everything outside of the process."""
        stack.store = wrapped(stack.store, self.watch)
        stack.provider = self.watch(stack.provider)
        stack.secrets = self.watch(stack.secrets)
        stack.session_secrets = stack.sign_ins.secrets = self.watch(stack.session_secrets)

    def _count_after(self, operation: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            self.calls.append(operation)
            if len(self.calls) == self._after:
                raise Killed(operation)


def points[S: ListingSurroundings](stack: S, act: Callable[[S], object]) -> list[str]:
    """Run the operation, and return its calls to anything outside, in their order."""
    killer = Killer()
    killer.surround(stack)
    act(stack)
    return killer.calls


def kill[S: ListingSurroundings](stack: S, act: Callable[[S], object], number: int) -> None:
    """Let the process die after that call of the operation. The next process has the same outside."""
    outside = stack.store, stack.provider, stack.secrets, stack.session_secrets
    Killer(after=number).surround(stack)
    with pytest.raises(Killed):
        act(stack)
    stack.store, stack.provider, stack.secrets, stack.session_secrets = outside
    stack.forget_memory()
