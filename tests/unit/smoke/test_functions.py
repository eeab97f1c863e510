"""What the smoke checks say about accounts that the local AWS cannot be."""

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from tests.smoke.outcomes import FellShort
from tests.smoke.safe import functions


@pytest.mark.parametrize(
    ("limit", "each_queue", "ended"),
    [
        (10, 2, nullcontext()),
        (10, 10, pytest.raises(FellShort, match="workers may use 31 of 10")),
        (1000, 10, nullcontext()),
    ],
)
def test_a_new_account_holds_with_few_workers_only(
    limit: int, each_queue: int, ended: AbstractContextManager[Any]
) -> None:
    queue = {"ScalingConfig": {"MaximumConcurrency": each_queue}}
    mappings = {"Orders": queue, "Work": queue, "Outbox": queue, "Stream": {}}
    client = SimpleNamespace(
        get_account_settings=lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": limit}},
        get_event_source_mapping=lambda UUID: mappings[UUID],  # noqa: N803
    )
    stack: Any = SimpleNamespace(client=lambda _service: client, of=lambda _kind: {name: name for name in mappings})

    with ended:
        functions.workers_leave_a_quarter_of_the_concurrent_executions_to_requests(stack)
