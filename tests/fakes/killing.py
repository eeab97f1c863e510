"""A process that dies between two lines: after the n-th call to anything outside of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.surroundings import ListingStack
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

    def surround(self, stack: ListingStack) -> None:
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


@dataclass(frozen=True)
class Operation[S: ListingStack](ABC):
    """What runs, and what had to happen before it."""

    act: Callable[[S], object]
    arrange: Callable[[S], object] = lambda _: None

    @abstractmethod
    def make(self) -> S:
        """Build the surroundings."""

    def points(self) -> list[str]:
        """Run the operation, and return its calls to anything outside, in their order."""
        killer, stack = Killer(), self._arranged()
        killer.surround(stack)
        self.act(stack)
        return killer.calls

    def killed(self, number: int) -> S:
        """Let the process die after that call of the operation. The next process has the same outside."""
        stack = self._arranged()
        outside = stack.store, stack.provider, stack.secrets, stack.session_secrets
        Killer(after=number).surround(stack)
        with pytest.raises(Killed):
            self.act(stack)
        stack.store, stack.provider, stack.secrets, stack.session_secrets = outside
        stack.forget_memory()
        return stack

    def _arranged(self) -> S:
        stack = self.make()
        self.arrange(stack)
        return stack


def killed_after_each_call[S: ListingStack, O: Operation[Any]](
    operations: Mapping[str, O],
) -> Callable[[Callable[[S, O], None]], object]:
    """Make a check one test for each operation, which goes through all of its points.

    A test for each point costs more than what is tested, and there are some 1,600. A failure names its point.
    """

    def decorate(check: Callable[[S, O], None]) -> object:
        @pytest.mark.parametrize("operation", operations.values(), ids=operations)
        def test(operation: O) -> None:
            for number, call in enumerate(operation.points(), start=1):
                try:
                    check(operation.killed(number), operation)
                except Exception as failure:
                    failure.add_note(f"killed after {number} {call}")
                    raise

        test.__doc__ = check.__doc__
        return test

    return decorate
