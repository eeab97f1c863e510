"""Measure fresh processes until their first answer, in interleaved rounds."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Self

from benchmarks.canned_server import CannedServer
from benchmarks.errors import CannotMeasureError
from benchmarks.measured_process import Measured, measure
from benchmarks.processor_share import ProcessorShare
from benchmarks.rounds import interleaved
from benchmarks.subjects import Subject


class Runs(NamedTuple):
    """Hold the runs of one subject, one of each kind in a round.

    There are none `at_share` where processors cannot be limited.
    """

    full: Sequence[Measured]
    at_share: Sequence[Measured]

    def and_(self, more: Self) -> Self:
        """Return these runs and more of them."""
        return type(self)((*self.full, *more.full), (*self.at_share, *more.at_share))


class Starts:
    """Measure subjects against a server. `say` shows people how far it is."""

    def __init__(self, server: CannedServer, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say

    def once(self, subject: Subject, share: ProcessorShare | None = None) -> Measured:
        """Return the figures of one process. Its first invocation has only the share, if there is one."""
        case = subject.case
        self._server.scene = case.scene
        with _named(subject.commit):
            return measure(subject.folders, case.event, subject.environment, status=case.status, share=share)

    def rounds(
        self, subjects: Sequence[Subject], rounds: int, seconds: float, share: ProcessorShare | None = None
    ) -> Mapping[Subject, Runs]:
        """Return the runs of all subjects. No further round begins after so many seconds."""
        began = time.monotonic()

        def done(count: int) -> None:
            self._say(f"Round {count} of {rounds} done after {time.monotonic() - began:.0f} s")

        shares = (None,) if share is None else (None, share)
        asked = [(subject, each) for subject in subjects for each in shares]
        runs = interleaved(asked, lambda each: self.once(*each), rounds=rounds, seconds=seconds, done=done)
        return {
            subject: Runs(runs[subject, None], runs.get((subject, share), ()) if share else ()) for subject in subjects
        }


def check_same_answers(runs: Mapping[str, Runs], *keys: str) -> None:
    """Raise `CannotMeasureError` unless these subjects gave the same answer."""
    bodies = [json.loads(runs[key].full[0].body or "null") for key in keys]
    if any(body != bodies[0] for body in bodies):
        raise CannotMeasureError(f"These handlers gave different answers: {', '.join(keys)}.")


@contextmanager
def _named(commit: str) -> Iterator[None]:
    """Name the commit in each complaint."""
    try:
        yield
    except CannotMeasureError as fault:
        raise CannotMeasureError(f"In {commit}: {fault}") from None
