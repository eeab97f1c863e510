"""The stack's clock, stopped for the tests: they run it themselves, so that no run falls between a test's two looks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sandbox.local_stack import Stack
from tests.e2e.support.invocations import invoke

DISPATCH = "lifecycle/dispatch"
_OF_AN_UPDATE = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target", "Description")


def schedule_of(stack: Stack) -> dict[str, Any]:
    """Return the schedule that starts the dispatcher."""
    scheduler = stack.client("scheduler")
    function = stack.described["functions"][DISPATCH]
    names = [each["Name"] for each in scheduler.list_schedules()["Schedules"]]
    (found,) = [
        schedule
        for schedule in (scheduler.get_schedule(Name=name) for name in names)
        if schedule["Target"]["Arn"].endswith(f":function:{function}")
    ]
    return dict(found)


def stopped(stack: Stack) -> AbstractContextManager[None]:
    """No run by itself inside; then as before."""
    return _schedule(stack, "DISABLED")


def running(stack: Stack) -> AbstractContextManager[None]:
    """Let the schedule run it inside, as deployed; then as before."""
    return _schedule(stack, "ENABLED")


@contextmanager
def _schedule(stack: Stack, state: str) -> Iterator[None]:
    schedule, scheduler = schedule_of(stack), stack.client("scheduler")
    given = {name: schedule[name] for name in _OF_AN_UPDATE if name in schedule}
    scheduler.update_schedule(**given, State=state)
    try:
        yield
    finally:
        scheduler.update_schedule(**given, State=schedule["State"])


def run(stack: Stack) -> dict[str, Any]:
    """Run the dispatcher once, as the schedule starts it."""
    answer, error = invoke(stack, DISPATCH, {})
    assert error is None, answer
    return dict(answer)
