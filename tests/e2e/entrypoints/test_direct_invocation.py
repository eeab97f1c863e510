"""Functions invoked as Step Functions or another Lambda would: the route's fields as plain JSON, plain JSON back."""

import json
from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.invocations import invoke
from tests.e2e.support.own_stack import PROJECT
from tests.e2e.support.responses import checked_problem, checked_token
from tests.e2e.support.routes import ROUTES, Route
from tests.e2e.support.token_table import TokenTable


def successful(stack: Stack, folder: str, event: object) -> Any:
    """Return the result of an invocation that must not fail."""
    answer, error = invoke(stack, folder, event)
    assert error is None, answer
    return answer


@pytest.mark.parametrize(
    ("event", "error", "status", "code", "wait"),
    [
        (None, "InvalidRequest", 400, "invalid_request", None),
        ({"merchant": "demo", "sessionId": "throttled"}, "ProviderThrottled", 503, "provider_throttled", 2),
    ],
    ids=["null", "throttled"],
)
def test_a_failure_is_an_exception_named_after_its_code(
    stack: Stack, control: ControlClient, event: object, error: str, status: int, code: str, wait: int | None
) -> None:
    control.fault("chicksx", "status", status=429, headers={"Retry-After": "2.0"})

    answer, raised = invoke(stack, "chicksx/public_token", event)

    assert raised == error
    assert set(answer) <= {"errorMessage", "errorType", "stackTrace", "requestId"}
    problem = json.loads(answer["errorMessage"])
    assert problem.pop("retryAfter", None) == wait
    checked_problem(problem, status, code)


def sample(route: Route, entry_point: str) -> Any:
    return json.loads((PROJECT / "events" / route.name / f"{entry_point}.json").read_text())


#: Their samples need another state than that of `demo`.
NOT_OF_THE_DEMO = {
    "shopify/get_storefront_access_token",
    "shopify/get_rotation_settings",
    "shopify/migrate_token",
    "shopify/put_rotation_settings",
    "storefronts/get_trust_policy",
    "storefronts/put_trust_policy",
    "storefronts/delete_trust_policy",
}
OF_THE_DEMO = [route for route in ROUTES if route.name not in NOT_OF_THE_DEMO]


@pytest.mark.parametrize("route", OF_THE_DEMO, ids=lambda route: route.name)
def test_the_sample_events_run_on_the_deployed_functions(
    stack: Stack, aws: Aws, control: ControlClient, table: TokenTable, route: Route
) -> None:
    """They are about the merchant `demo`, and to delete about a token that must be there."""
    if "tokenId" in route.fields:
        successful(stack, "shopify/storefront_access_token", {"merchant": "demo"})  # has made the broker's id
        mark = f"tb:{table.partition('broker')['id']['brokerId']}:{'a' * 26}"
        known = {token["id"] for token in control.state()["shopify"]["demo"]["tokens"]}
        if sample(route, "direct")["tokenId"] not in known:
            control.plant_tokens("demo", title=f"Ours [{mark}]", id=int(sample(route, "direct")["tokenId"]))

    direct = successful(stack, route.name, sample(route, "direct"))
    through_api = successful(stack, route.name, sample(route, "api"))

    assert isinstance(direct, dict)
    assert through_api["statusCode"] in (200, 201, 202)
    shown = json.loads(through_api["body"])
    if "rotationId" in direct:
        assert shown["rotationId"] == direct["rotationId"], "the second one joins the first"
    else:
        assert set(shown) == set(direct)
    if "accessToken" in direct:
        checked_token(direct)
