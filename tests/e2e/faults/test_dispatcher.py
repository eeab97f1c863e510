"""Work stays due while the dispatcher's index or queue fails, and a later run dispatches it."""

import pytest

from sandbox.fault_proxy import KINDS
from tests.e2e.faults import rules
from tests.e2e.faults.harness import LONG, Bench
from tests.e2e.faults.operations import Scene, gone, pending_revocation
from tests.e2e.support.dispatcher_runs import DISPATCH
from tests.e2e.support.invocations import invoke

ALL_TRIES = 3


def due_shop(bench: Bench) -> Scene:
    scene = Scene(bench, bench.merchants.shopify().name)
    bench.control.plant_tokens(scene.merchant)
    scene.prepared = pending_revocation(scene)
    return scene


@pytest.mark.parametrize("operation", ["Query", "SendMessageBatch"])
@pytest.mark.parametrize("kind", KINDS if LONG else ["throttled", "unheard"])
def test_a_run_whose_calls_fail(bench: Bench, operation: str, kind: str) -> None:
    scene = due_shop(bench)
    # A Query of the index names a part of it, and no merchant; the message names the merchant.
    about = "due#" if operation == "Query" else scene.merchant
    for part in (0, 1) if operation == "Query" else (0,):
        contains = f'"due#{part}"' if operation == "Query" else about
        bench.proxy.fault(kind, operation=operation, contains=contains, times=ALL_TRIES if part == 0 else 1)

    answer, error = invoke(bench.stack, DISPATCH, {})

    struck = [call for call in bench.proxy.calls(about) if call["fault"]]
    assert {call["operation"] for call in struck} == {operation}
    bench.proxy.clear_faults()
    if operation == "Query":
        assert error == "StorageUnavailable", "a part that could not be read shows as a failed run"
        assert len(struck) == ALL_TRIES + 1
    else:
        assert error == "StorageUnavailable" or answer["refused"] >= 1
    bench.settle([scene.merchant])
    gone(scene)
    rules.check(scene)
