"""Operations that run beside each other, one call at a time, in an order that somebody else chooses.

Each runs in a thread of its own, of which only one moves at any moment: it stops before each of its calls to anything
outside, and goes on when it is told to, and with what that call should end. So a run can be repeated exactly.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Semaphore, Thread
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fakes.clock import MovableClock
from tests.fakes.killing import Killed
from tests.fakes.store_parts import LEASE
from tests.fakes.wrapped_store import Wrapped
from token_broker.errors import BrokerError, StorageUnavailable

#: Seconds in which a thread must come to its next stop: only a fault of the tests takes longer.
PATIENCE = 30.0

#: What a call can be told to end with, beside the providers' own failures.
GO, KILL, STORAGE_FAILS, ANSWER_LOST = "go", "kill", "storage fails", "storage's answer is lost"

#: Of whom, how many calls, and what the last of these ends with. With no call a lease's time passes instead.
type Turn = tuple[int, int, str]


def turns_of(crowd: int, faults: Sequence[str]) -> SearchStrategy[Turn]:
    """Draw a turn. More often than not nothing goes wrong: else no operation would ever get far."""
    outcomes = st.one_of(st.just(GO), st.just(GO), st.sampled_from(faults))
    return st.tuples(st.integers(0, crowd - 1), st.sampled_from([*range(1, 6), *range(1, 6), 0]), outcomes)


class Actor:
    """One operation in one process."""

    def __init__(self, name: str, monotonic: Callable[[], float], work: Callable[["Actor"], object]) -> None:
        self.name = name
        self.at = "its beginning"
        self.done = False
        #: What went wrong that is none of the product's own errors.
        self.broken: BaseException | None = None
        self.wakes_at = monotonic()
        self._work = work
        self._told = GO
        self._go, self._stopped = Semaphore(0), Semaphore(0)
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self, told: str = GO) -> None:
        """Let it do its next call, which ends as told, and stop before the one after."""
        self._told = told
        self._go.release()
        assert self._stopped.acquire(timeout=PATIENCE), f"{self.name} hangs after {self.at}"
        if self.done:
            self._thread.join(PATIENCE)
        if self.broken is not None:
            raise self.broken

    def stop(self, before: str) -> str:
        """Wait in the thread for the signal, and learn how the call should end."""
        self.at = before
        self._stopped.release()
        self._go.acquire()
        if self._told == KILL:
            raise Killed(before)
        return self._told

    def _run(self) -> None:
        self._go.acquire()
        try:
            if self._told != KILL:
                self._work(self)
        except (Killed, BrokerError):
            pass  # the process died; or its caller was told, and what stands in the table counts
        except BaseException as error:  # noqa: BLE001  # it is raised where the actor was resumed
            self.broken = error
        self.done = True
        self._stopped.release()


class Crowd:
    """The actors that have not come to their end. `look` is called after each of their calls."""

    def __init__(self, look: Callable[[], object]) -> None:
        self.actors: list[Actor] = []
        self._look = look

    def begin(self, actor: Actor) -> None:
        """One more actor; it stops before its first call."""
        self.actors.append(actor)
        self.step(actor, GO)

    def step(self, actor: Actor, told: str) -> None:
        """One call, and what was seen of it."""
        try:
            actor.resume(told)
        finally:
            if actor.done:
                self.actors.remove(actor)
        self._look()

    def turn(self, which: int, calls: int, told: str) -> Actor:
        """So many calls of one of them, the last of which ends as told."""
        actor = self.actors[which % len(self.actors)]
        for number in range(1, calls + 1):
            if not actor.done:
                self.step(actor, told if number == calls else GO)
        return actor

    def take_turns(self, schedule: Sequence[Turn], clock: MovableClock) -> None:
        """Run some calls of one actor, then of another."""
        for which, calls, told in schedule:
            if calls == 0:
                clock.advance(LEASE + 1)
            elif self.actors:
                self.turn(which, calls, told)

    def finish(self, actor: Actor) -> None:
        """To its end, with nothing going wrong."""
        for _ in range(400):
            if actor.done:
                return
            self.step(actor, GO)
        raise AssertionError(f"{actor.name} does not come to an end")

    def end(self) -> None:
        """Everybody comes to an end. Each second one dies."""
        while self.actors:
            self.step(self.actors[-1], KILL)
            if self.actors:
                self.finish(self.actors[0])

    def abandon(self) -> None:
        """End the threads after a failed check."""
        for actor in self.actors:
            if not actor.done:
                with suppress(BaseException):
                    actor.resume(KILL)


def stopping(port: Any, actor: Actor) -> Any:
    """Return a port of the storage, as one actor sees it."""

    def around(name: str, call: Callable[[], Any]) -> Any:
        told = actor.stop(name)
        if told == STORAGE_FAILS:
            raise StorageUnavailable("The storage did not answer.")
        result = call()
        if told == ANSWER_LOST:
            raise StorageUnavailable("The storage acted, and its answer was lost.")
        return result

    return Wrapped(port, around)


class StoppingClock:
    """Time, as one actor sees it: who waits goes on when it is told to, not before its time."""

    def __init__(self, clock: Any, actor: Actor) -> None:
        self._clock = clock
        self._actor = actor

    def now(self) -> float:
        return float(self._clock.now())

    def monotonic(self) -> float:
        return float(self._clock.monotonic())

    def sleep(self, seconds: float) -> None:
        wakes_at = self.monotonic() + seconds
        self._actor.stop("a wait")
        if self.monotonic() < wakes_at:
            self._clock.advance(wakes_at - self.monotonic())
