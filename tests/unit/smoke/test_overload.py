"""The checks that disturb a stack leave it as they found it."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.smoke.destructive import delivery, overload
from tests.smoke.outcomes import FellShort


class Lambda:
    """One function's reserved concurrency, and one mapping's state, at once."""

    def __init__(self, reserved: int | None) -> None:
        self.reserved, self.enabled = reserved, True

    def get_function_concurrency(self, **_: Any) -> dict[str, int]:
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def put_function_concurrency(self, *, ReservedConcurrentExecutions: int, **_: Any) -> None:  # noqa: N803
        self.reserved = ReservedConcurrentExecutions

    def delete_function_concurrency(self, **_: Any) -> None:
        self.reserved = None

    def get_event_source_mapping(self, UUID: str) -> dict[str, str]:  # noqa: N803
        state = "Enabled" if self.enabled else "Disabled"
        return {"UUID": UUID, "EventSourceArn": f"arn:aws:dynamodb:::table/t/stream/{UUID}", "State": state}

    def update_event_source_mapping(self, *, Enabled: bool, **_: Any) -> None:  # noqa: N803
        self.enabled = Enabled


def stack_of(functions: Lambda) -> Any:
    return SimpleNamespace(
        is_local=False,
        client=lambda _service: functions,
        function=lambda name: name,
        of=lambda _kind: {"Stream": "stream-1"},
        unsigned=lambda *_: SimpleNamespace(status_code=500, headers={}, json=dict),
    )


@pytest.mark.parametrize("reserved", [None, 7])
def test_a_throttled_function_gets_its_concurrency_back(reserved: int | None) -> None:
    functions = Lambda(reserved)

    with pytest.raises(FellShort, match="500 without a code"):
        overload.a_throttled_authorizer_answers_503(stack_of(functions))
    assert functions.reserved == reserved


def test_the_stream_is_on_again_after_an_interrupt() -> None:
    functions = Lambda(None)

    switched = delivery.stream_off(stack_of(functions))
    switched.__enter__()
    assert not functions.enabled

    switched.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert functions.enabled
