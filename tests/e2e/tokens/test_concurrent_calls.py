"""Twenty callers at once: one token is minted, and all of them get it."""

import functools
import time

import pytest
import requests

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.callers import at_once
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import ROUTES, Route
from tests.e2e.support.token_table import TokenTable

CALLERS = 20
#: Each race is run this often, with a new subject: a window of milliseconds is not hit each time.
ROUNDS = 4
#: The functions that race.
RACING = ("chicksx/public_token", "shopify/storefront_access_token", "shopify/create_storefront_access_token")
#: Seconds in which every caller must have the token, those included that were told to come again.
PATIENCE = 40


def all_at_once(stack: Stack, route: Route, merchant: str, callers: int = CALLERS) -> list[requests.Response]:
    """Return each caller's response. A caller that is told `mint_in_progress` asks again after the stated time."""
    headers = {"Idempotency-Key": "order-1"} if route.folder == RACING[2] else {}
    call = functools.partial(stack.call, route.method, route.to(merchant), route.body, headers=headers)

    def caller() -> requests.Response:
        deadline = time.monotonic() + PATIENCE
        while (response := call()).status_code == 503 and time.monotonic() < deadline:
            problem_of(response, 503, "mint_in_progress")
            time.sleep(int(response.headers["Retry-After"]))
        return response

    return at_once([caller] * callers)


@pytest.fixture(scope="module", params=RACING)
def route(stack: Stack, merchants: Merchants, request: pytest.FixtureRequest) -> Route:
    """Return a route with twenty processes of its function, so that what follows really happens at once."""
    (found,) = [each for each in ROUTES if each.folder == request.param]
    for callers in range(5, CALLERS + 1, 5):
        answers = all_at_once(stack, found, merchants.nobody(), callers)
        assert {answer.status_code for answer in answers} == {404}
    return found


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_token_is_minted_for_all(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable, route: Route, _round: int
) -> None:
    merchant = merchants.of(route.provider).name

    responses = all_at_once(stack, route, merchant)

    assert control.state()[route.provider][merchant]["mints"] == 1
    assert {response.status_code for response in responses} <= {200, 201}, {each.text for each in responses}
    if route.provider == "chicksx":
        assert [response.status_code for response in responses].count(201) == 1
    first, *others = (token_of(response, response.status_code) for response in responses)
    assert all(token == first for token in others), "all callers get the same token"
    items = table.merchant(route.provider, merchant)
    assert [sk for _, sk in items if sk.startswith("token#")] == [f"token#{first['tokenId']}"]
    assert not [sk for (_, sk), item in items.items() if "owner" in item], "nobody holds a lease"
