"""A function's write that reaches AWS only after somebody else has taken over: it changes nothing."""

from collections.abc import Callable

import pytest

from tests.e2e.faults import rules
from tests.e2e.faults.harness import Bench
from tests.e2e.faults.operations import HttpResponse, Scene, current, one_current_token, session
from tests.e2e.support.waiting import wait_until


def stored(bench: Bench, merchant: str) -> list[tuple[object, object]]:
    calls = [each for each in bench.proxy.calls(merchant) if each["operation"] == "TransactWriteItems"]
    return [(each["fault"], each["status"]) for each in calls]


@pytest.mark.parametrize(("provider", "act"), [("chicksx", session), ("shopify", current)], ids=["session", "shop"])
def test_whoever_has_lost_the_lease_stores_nothing(
    bench: Bench, provider: str, act: Callable[[Scene], HttpResponse]
) -> None:
    """The first caller's write is held back until a second caller has a token; it then comes too late."""
    scene = Scene(bench, bench.merchants.of(provider).name)
    if provider == "shopify":
        bench.control.plant_tokens(scene.merchant)
    bench.proxy.fault("held", operation="TransactWriteItems", contains=scene.merchant)
    bench.proxy.fault("reset", operation="TransactWriteItems", contains=scene.merchant, times=2)

    first = act(scene)
    assert first.code == "storage_unavailable", "none of its tries came through"
    bench.table.bring_forward([scene.merchant])
    second = act(scene)
    assert second.good
    assert stored(bench, scene.merchant) == [("held", None), ("reset", None), ("reset", None), (None, 200)]
    bench.proxy.clear_faults(scene.merchant)
    wait_until(lambda: stored(bench, scene.merchant)[0][1])

    assert stored(bench, scene.merchant)[0] == ("held", 400), "it changes nothing"
    scene.answers = [second, act(scene)]
    (_,) = {token.access_token for token in scene.tokens}
    bench.settle([scene.merchant])
    rules.check(scene)
    if provider == "shopify":
        one_current_token(scene)
