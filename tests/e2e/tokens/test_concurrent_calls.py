"""Twenty callers at once: one token is minted, and all of them get it."""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import CHICKSX, ROUTES, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable

CALLERS = 20
#: Each race is run this often, with a new subject: a window of milliseconds is not hit each time.
ROUNDS = 4
RACING = (
    "chicksx/public_token",
    "shopify/storefront_access_token",
    "shopify/create_storefront_access_token",
)
#: Seconds in which every caller must have the token, those included that were told to come again.
PATIENCE = 40


def all_at_once(call: Callable[[], requests.Response]) -> list[requests.Response]:
    """Twenty answers. A caller that is told `mint_in_progress` asks again after the stated time."""
    start = threading.Barrier(CALLERS)

    def caller(_number: int) -> requests.Response:
        deadline = time.monotonic() + PATIENCE
        start.wait(10)
        while (response := call()).status_code == 503 and time.monotonic() < deadline:
            problem_of(response, 503, "mint_in_progress")
            time.sleep(int(response.headers["Retry-After"]))
        return response

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


@pytest.fixture(scope="module", autouse=True)
def _warm(stack: Stack, merchants: Merchants) -> None:
    """Twenty processes of each function, so that what follows really happens at once."""
    nobody = merchants.nobody()
    for route in ROUTES:
        if route.folder in RACING:
            path, body = route.to(nobody), route.body
            answers = all_at_once(functools.partial(stack.call, route.method, path, body))
            assert {answer.status_code for answer in answers} == {404}


def the_one_token(responses: list[requests.Response], statuses: set[int]) -> dict[str, Any]:
    assert {response.status_code for response in responses} <= statuses, {response.text for response in responses}
    tokens = [token_of(response, response.status_code) for response in responses]
    assert len({token["accessToken"] for token in tokens}) == 1, "all callers get the same token"
    assert all(token == tokens[0] for token in tokens)
    return tokens[0]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_new_session(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable, _round: int
) -> None:
    merchant = merchants.chicksx().name

    responses = all_at_once(lambda: stack.call("POST", CHICKSX.format(merchant=merchant), {"sessionId": "s"}))

    assert control.state()["chicksx"][merchant]["mints"] == 1
    token = the_one_token(responses, {200, 201})
    assert [response.status_code for response in responses].count(201) == 1
    assert set(table.partition(f"chicksx#{merchant}#session:s")) == {"subject", f"token#{token['tokenId']}"}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_shops_first_token(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable, _round: int
) -> None:
    merchant = merchants.shopify().name

    responses = all_at_once(lambda: stack.call("GET", SHOPIFY_CURRENT.format(merchant=merchant)))

    assert control.state()["shopify"][merchant]["mints"] == 1
    token = the_one_token(responses, {200})
    items = {"subject#shop", f"token#{token['tokenId']}", "reconciliation#shop"}
    assert set(table.partition(f"shopify#{merchant}")) == items


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_idempotency_key(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable, _round: int
) -> None:
    merchant = merchants.shopify().name
    path, key = SHOPIFY.format(merchant=merchant), {"Idempotency-Key": "order-1"}

    responses = all_at_once(lambda: stack.call("POST", path, {"title": "Kiosk"}, headers=key))

    assert control.state()["shopify"][merchant]["mints"] == 1
    token = the_one_token(responses, {201})
    partition = table.partition(f"shopify#{merchant}")
    assert [sk for sk in partition if sk.startswith("token#")] == [f"token#{token['tokenId']}"]
