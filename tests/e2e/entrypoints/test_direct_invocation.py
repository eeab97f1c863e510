"""Functions invoked as Step Functions or another Lambda would: the route's fields as plain JSON, plain JSON back."""

import json
from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.own_stack import PROJECT
from tests.e2e.support.responses import checked_token, raised_problem, token_of
from tests.e2e.support.routes import ROUTES, Route
from tests.e2e.support.token_table import TokenTable

FOLDERS = [route.folder for route in ROUTES]


def invoke(stack: Stack, folder: str, event: object) -> Any:
    """Return the result of an invocation that must not fail."""
    answer, error = stack.invoke(folder, event)
    assert error is None, answer
    return answer


def test_both_entry_points_give_the_same_responses(stack: Stack, merchants: Merchants, table: TokenTable) -> None:
    for route in ROUTES:
        if route.folder in ("fourthwall/public_token", "chicksx/public_token", "shopify/storefront_access_token"):
            merchant = merchants.of(route.provider).name
            token = checked_token(invoke(stack, route.folder, {"merchant": merchant, **route.fields}))
            assert token_of(stack.call(route.method, route.to(merchant), route.body)) == token
            items = table.merchant(route.provider, merchant).values()
            assert [item["requestedBy"] for item in items if "requestedBy" in item] == ["direct"]


@pytest.mark.parametrize(
    ("event", "error", "status", "code"),
    [
        (None, "InvalidRequest", 400, "invalid_request"),
        ({"merchant": "demo", "sessionId": "throttled"}, "ProviderThrottled", 503, "provider_throttled"),
    ],
    ids=["null", "throttled"],
)
def test_a_failure_is_an_exception_named_after_its_code(
    stack: Stack, control: ControlClient, event: object, error: str, status: int, code: str
) -> None:
    control.fault("chicksx", "status", status=429, headers={"Retry-After": "2.0"})

    answer, raised = stack.invoke("chicksx/public_token", event)

    assert raised == error
    raised_problem(answer, status, code)


def sample(route: Route, entry_point: str) -> Any:
    return json.loads((PROJECT / "events" / route.folder / f"{entry_point}.json").read_text())


@pytest.mark.parametrize("route", ROUTES, ids=FOLDERS)
def test_the_sample_events_run_on_the_deployed_functions(
    stack: Stack, aws: Aws, control: ControlClient, table: TokenTable, route: Route
) -> None:
    """They are about the merchant `demo`, and to delete about a token that must be there."""
    if "tokenId" in route.fields:
        invoke(stack, "shopify/storefront_access_token", {"merchant": "demo"})  # has made the broker's id
        mark = f"tb:{table.partition('broker')['id']['brokerId']}:{'a' * 26}"
        known = {token["id"] for token in control.state()["shopify"]["demo"]["tokens"]}
        if sample(route, "direct")["tokenId"] not in known:
            control.plant_tokens("demo", title=f"Ours [{mark}]", id=int(sample(route, "direct")["tokenId"]))

    direct = invoke(stack, route.folder, sample(route, "direct"))
    through_api = invoke(stack, route.folder, sample(route, "api"))

    assert isinstance(direct, dict)
    assert through_api["statusCode"] in (200, 201, 202)
    shown = json.loads(through_api["body"])
    if "rotationId" in direct:
        assert shown["rotationId"] == direct["rotationId"], "the second one joins the first"
    else:
        assert set(shown) == set(direct)
    if "accessToken" in direct:
        checked_token(direct)
