"""Each AWS call of each operation fails in each way, and the rules hold after the pending work is done.

The caller gets a correct response or a clear error. The rules cover the table and the provider together.

The tests do not list the calls of an operation. They record a run without faults, then fail each of its calls.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest

from sandbox.fault_proxy.faults import KINDS
from tests.e2e.faults import rules
from tests.e2e.faults.harness import LONG, Bench
from tests.e2e.faults.operations import OPERATIONS, READS, Operation, Scene, nothing

#: The SDK makes a call three times at most.
SDK_TRIES = 3
#: The operations that are tried once without the SDK, before its own tries.
FAST_READS = ("GetItem", "Query")
FOR_GOOD = 1_000_000
#: How often each way to fail strikes: the SDK's own repetition gets through, none of it does, nothing after it does.
TIMES = (1, SDK_TRIES, FOR_GOOD)
EVERY_FAULT = [(kind, times) for kind in KINDS for times in TIMES]
#: What the SDK repeats by itself: where it happens once, the caller must not feel it.
HEALED = ("throttled", "failed", "reset", "unheard")
#: Without those for which a caller waits longest.
SOME_FAULTS = [(kind, times) for kind, times in EVERY_FAULT if kind not in ("late", "slow") or times == 1]
#: Cases at once: most of their time is waiting, where there are those that wait long. Each is a process of a function.
AT_ONCE = 8 if LONG else 4
_NUMBERED = list(enumerate(OPERATIONS))
#: What one test works on: all operations, so that they wait together; or one, where there is time.
ROWS = [[each] for each in _NUMBERED] if LONG else [_NUMBERED]


@dataclass(frozen=True)
class Case:
    """The call number `call` of an operation fails, which is the `number`th that is `named` so; both count from 0.

    With `at_once` its caller comes again before the dispatcher runs.
    """

    call: int
    number: int
    named: str
    kind: str
    times: int
    at_once: bool

    def __str__(self) -> str:
        often = {1: "once", SDK_TRIES: "for all the SDK's tries"}.get(self.times, "and all after it")
        again = "then asked again at once" if self.at_once else "then the dispatcher"
        return f"call {self.call + 1} ({self.named}) {self.kind} {often}, {again}"


def cases_of(calls: list[str], number: int) -> list[Case]:
    """For each call all faults; or, in less time, one fault, and for a write a lost answer too.

    Which one goes round over the calls and the operations (`number`), so that each comes up.
    """
    cases = []
    for call, named in enumerate(calls):
        at = number + call
        faults = EVERY_FAULT if LONG else [SOME_FAULTS[(7 * number + 5 * call) % len(SOME_FAULTS)]]
        if not LONG and named not in READS:
            faults = [("unheard", (1, SDK_TRIES)[at % 2]), *faults]
        for turn, (kind, times) in enumerate(faults):
            both = (False, True) if LONG else ((at + turn) % 2 == 0,)
            cases += [Case(call, calls[:call].count(named), named, kind, times, at_once) for at_once in both]
    return cases


def begin(bench: Bench, operation: Operation) -> Scene:
    """Create a merchant, with a foreign token if possible, and prepare the operation."""
    scene = Scene(bench, bench.merchants.of(operation.kind or operation.provider).name)
    if operation.provider == "shopify":
        bench.control.plant_tokens(scene.merchant)
    prepared = operation.prepare(scene)
    scene.prepared = prepared if isinstance(prepared, str) else None
    return scene


def disturb(operation: Operation, case: Case, empty: Scene) -> Scene:
    """Run the operation with the fault and, if the case says so, once more without it."""
    bench, scene = empty.bench, begin(empty.bench, operation)
    before = len(bench.proxy.calls(scene.merchant))
    where = {"contains": scene.merchant, "operation": case.named, "skip": case.number}
    times = case.times + 1 if case.times == SDK_TRIES and case.named in FAST_READS else case.times
    bench.proxy.fault(case.kind, **where, times=times, onwards=case.times == FOR_GOOD)
    try:
        scene.answers.append(operation.act(scene))
    finally:
        bench.proxy.clear_faults(scene.merchant)
    calls = bench.proxy.calls(scene.merchant)[before:]
    if not any(call["fault"] for call in calls):
        # The process that prepared it had the secret in its memory.
        assert (case.named, operation.prepare is nothing) == ("GetSecretValue", False), f"{case}: it met no call"
    if case.times == 1 and case.kind in HEALED and (not LONG or _repeated(calls)):
        assert scene.answers[0].good, f"what fails once is healed by a repetition, and the caller hears {scene.answers}"
    if case.at_once:
        scene.answers.append(operation.act(scene))
    return scene


def _repeated(calls: list[dict[str, Any]]) -> bool:
    """Return whether the SDK repeated the faulty call, which it omits after about 35 recent failures in a process.

    Few processes do all the work of the long run. Another call of the same operation can follow, such as the release of
    a lease. Only a repetition has the same body.
    """
    faulty = next((at for at, call in enumerate(calls) if call["fault"]), None)
    if faulty is None:  # the process had the secret in its memory
        return False
    sent = [(call["operation"], call["digest"]) for call in calls[faulty : faulty + 2]]
    return len(sent) == 2 and sent[0] == sent[1]


def conclude(operation: Operation, _case: Case, scene: Scene) -> Scene:
    """Repeat the operation, which must succeed."""
    answer = operation.act(scene)
    assert answer.good, f"all is well again, and the caller still hears {answer.code}"
    scene.answers.append(answer)
    return scene


def checked(operation: Operation, _case: Case | None, scene: Scene) -> Scene:
    operation.check(scene)
    rules.check(scene)
    return scene


def recorded(bench: Bench, operation: Operation) -> tuple[Scene, list[str]]:
    """Record the calls of a run without faults; the rules hold after it, or after its pending work is done.

    Repetitions are left out. On a busy machine, a read can exceed the limit of its try without the SDK.
    """
    plain = begin(bench, operation)
    before = len(bench.calls(plain.merchant))
    plain.answers.append(operation.act(plain))
    assert plain.answers[0].good, f"{operation.name}: {plain.answers}"
    made = bench.proxy.calls(plain.merchant)[before:]
    calls = [str(name) for (name, _), _ in groupby(made, lambda each: (each["operation"], each["digest"]))]
    assert len(calls) >= operation.calls_at_least, f"{operation.name}: {calls}"
    if not operation.leaves_more:
        checked(operation, None, plain)
    return plain, calls


type Attempt[T] = tuple[Operation, Case, T]


@dataclass
class Attempts:
    """Steps on many cases at once; a case that fails is noted, and goes no further."""

    wrong: list[str] = field(default_factory=list)

    def each[T](self, step: Callable[[Operation, Case, T], T], cases: list[Attempt[T]]) -> list[Attempt[T]]:
        def attempt(one: Attempt[T]) -> Attempt[T] | None:
            operation, case, what = one
            try:
                return operation, case, step(operation, case, what)
            except AssertionError as failure:
                self.wrong.append(f"{operation.name}, {case}: {failure}")
                return None

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [each for each in pool.map(attempt, cases) if each is not None]


@pytest.mark.parametrize("rows", [pytest.param(rows, id=rows[0][1].name if LONG else "all") for rows in ROWS])
def test_a_call_that_fails(bench: Bench, rows: list[tuple[int, Operation]]) -> None:
    attempts = Attempts()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda row: recorded(bench, row[1]), rows))
    left = [(operation, scene) for (_, operation), (scene, _) in zip(rows, runs, strict=True) if operation.leaves_more]
    bench.settle({scene.merchant for _, scene in left})  # not while others are recorded: the dispatcher works for all
    for operation, scene in left:
        checked(operation, None, scene)
    cases = [
        (operation, case, Scene(bench, ""))
        for (number, operation), (_, called) in zip(rows, runs, strict=True)
        for case in cases_of(called, number)
    ]
    scenes = attempts.each(disturb, cases)
    for step in (conclude, checked):
        bench.settle({scene.merchant for _, _, scene in scenes})
        scenes = attempts.each(step, scenes)
    assert not attempts.wrong, "\n".join(attempts.wrong)
    assert len(scenes) == len(cases)
