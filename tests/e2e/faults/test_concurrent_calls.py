"""Many callers at once for one new token, while calls to AWS fail: one is minted, and all of them get it."""

import secrets
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.callers import at_once
from tests.e2e.faults import rules
from tests.e2e.faults.harness import LONG, Bench
from tests.e2e.faults.operations import HttpResponse, Scene, current, one_current_token, session

#: Each is a process of the function: that many are begun in waves, before anything is raced.
CALLERS, WAVE = (50 if LONG else 10), 10
#: Seconds in which every caller must have the token, those included that were told to come again.
PATIENCE = 60
READ_FAULTS = {"throttled": 0.1, "failed": 0.05, "reset": 0.1, "unheard": 0.1, "cut": 0.1}
#: A write meets each of these once at most, so that the SDK's own repetition ends it well: a token that was made and
#: could not be stored at all would rightly be asked for again.
WRITE_FAULTS = {"unheard": 0.5, "throttled": 0.5}


def call(scene: Scene, act: Callable[[Scene], HttpResponse]) -> HttpResponse:
    """Return the last answer. A caller who is told clearly to come again does so a second later."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := act(scene)).good and time.monotonic() < deadline:
        time.sleep(1)
    return answer


def inject_faults(bench: Bench, merchant: str) -> int:
    """Inject random faults into the merchant's calls and return the seed, which makes the run repeatable."""
    seed = secrets.randbelow(1 << 32)
    # The token is stored, and who stored it does not hear of it.
    bench.proxy.fault("unheard", operation="TransactWriteItems", contains=merchant)
    for operations, faults, each in (
        (("GetItem", "Query", "GetSecretValue"), READ_FAULTS, 10),
        (("UpdateItem",), WRITE_FAULTS, 1),
    ):
        for number, (kind, share) in enumerate(faults.items()):
            for operation in operations:
                strike = {"operation": operation, "contains": merchant, "share": share, "seed": seed + number}
                bench.proxy.fault(kind, **strike, each=each, times=100)
    return seed


def warm(bench: Bench, provider: str, act: Callable[[Scene], HttpResponse]) -> None:
    """So many processes of the function, so that what follows really happens at once."""
    scene = Scene(bench, bench.merchants.of(provider).name)
    for callers in range(WAVE, CALLERS + 1, WAVE):
        at_once([partial(call, scene, act)] * callers)


@pytest.mark.parametrize(("provider", "act"), [("chicksx", session), ("shopify", current)], ids=["session", "shop"])
def test_one_token_for_all_callers(bench: Bench, provider: str, act: Callable[[Scene], HttpResponse]) -> None:
    warm(bench, provider, act)
    scene = Scene(bench, bench.merchants.of(provider).name)
    if provider == "shopify":
        bench.control.plant_tokens(scene.merchant)
    seed = inject_faults(bench, scene.merchant)

    scene.answers = at_once([partial(call, scene, act)] * CALLERS)

    struck = [call for call in bench.proxy.calls(scene.merchant) if call["fault"]]
    assert len(struck) >= 5, f"seed {seed}: hardly anything went wrong"
    bench.proxy.clear_faults()
    assert {answer.code for answer in scene.answers} == {None}, f"seed {seed}"
    assert len({token.access_token for token in scene.tokens}) == 1, f"seed {seed}"
    assert scene.provider_state["mints"] == 1, f"seed {seed}"
    if provider == "shopify":
        one_current_token(scene)
    bench.settle([scene.merchant])
    rules.check(scene)
