"""A thousand callers at once for one new session: one call to the provider, and the same token for everybody."""

from collections import Counter
from threading import Event, Lock, Semaphore, Thread
from typing import Any

from tests.fakes.surroundings import session_stack
from tests.fakes.wrapped_store import wrapped
from token_broker.tokens.issue import session_token

CALLERS = 1_000
#: Seconds after which the test fails rather than hang.
PATIENCE = 30.0


class OneAtATime:
    """A port that answers its callers one after another, as a table does for one item."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                return operation(*arguments, **named)

        return call


class Waiting:
    """A clock that stands still; who waits does so until the token is there."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.waiting = Semaphore(0)
        self.there = Event()

    def now(self) -> float:
        return float(self._clock.now())

    def monotonic(self) -> float:
        return float(self._clock.monotonic())

    def sleep(self, _seconds: float) -> None:
        self.waiting.release()
        assert self.there.wait(PATIENCE), "nobody minted"


def test_a_thousand_callers_for_one_new_session_are_one_call_to_the_provider() -> None:
    stack = session_stack()
    clock = Waiting(stack.clock)
    stack.store, stack.clock = wrapped(stack.store, OneAtATime), clock  # type: ignore[assignment]  # the same ports

    def all_others_wait() -> None:
        for _ in range(CALLERS - 1):
            assert clock.waiting.acquire(timeout=PATIENCE), "somebody neither waits nor mints"

    stack.provider.script = [stack.provider.make_after(all_others_wait)]
    got: list[tuple[str | None, bool]] = []

    def call() -> None:
        token, new = session_token(stack.call(), "acme", "s-1", None)
        clock.there.set()
        got.append((token.access_token, new))

    callers = [Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)

    assert len(stack.provider.mints) == 1
    assert Counter(got) == {("value-of-1001", True): 1, ("value-of-1001", False): CALLERS - 1}
