"""The routes of trust policies: what the deployed API adds, which is headers, IAM and a race between processes."""

from functools import partial

import pytest
import requests

from sandbox.signed_api import Stack
from tests.callers import at_once
from tests.e2e.conftest import Aws
from tests.e2e.support.principals import iam_user, may_decide
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import TRUST_POLICY
from tests.e2e.support.storefronts import Document, Shop, Shops
from tests.e2e.support.token_table import TokenTable

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
WRITERS = 8


@pytest.fixture
def shop(shops: Shops) -> Shop:
    """Return a merchant without a policy."""
    return shops.closed()


def call(stack: Stack, method: str, shop: Shop, document: object = None, **headers: str) -> requests.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return stack.call(method, TRUST_POLICY.format(merchant=shop.name), document, headers=sent)


def document_of(response: requests.Response, status: int, revision: int) -> Document:
    """Return the document of a response after checking its status and headers."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["ETag"] == f'"{revision}"'
    document: Document = response.json()
    return document


def stored(table: TokenTable, shop: Shop) -> Document:
    """Return the item of the merchant's policy."""
    return table.partition(f"policy#{shop.name}")["policy"]


def parts(document: Document) -> Document:
    """Return the attributes of a policy. The version before refuses a document with a member that it does not know."""
    return {"document": {name: document[name] for name in document if name != "shop"}, "shop": document["shop"]}


def test_a_policy_is_put_got_changed_and_deleted(stack: Stack, shop: Shop, table: TokenTable) -> None:
    first, second = shop.policy(), shop.policy(origins=["https://new.example"], sessions=None)
    problem_of(call(stack, "GET", shop), 404, "trust_policy_not_found")

    assert document_of(call(stack, "PUT", shop, first, If_None_Match="*"), 201, 1) == first
    assert document_of(call(stack, "PUT", shop, second, If_Match='"1"'), 200, 2) == second
    assert document_of(call(stack, "GET", shop), 200, 2) == second
    problem_of(call(stack, "PUT", shop, first, If_Match='"1"'), 412, "precondition_failed")
    problem_of(call(stack, "PUT", shop, {**first, "version": 2}), 400, "invalid_request")
    item = stored(table, shop)
    assert item.pop("changedAt") > 0
    assert item.pop("changeId")
    assert item == {"revision": 2, **parts(second), "changedBy": ADMINISTRATOR}

    for deleted in (True, False):
        response = call(stack, "DELETE", shop)
        assert (response.status_code, response.json()) == (200, {"deleted": deleted})
    assert document_of(call(stack, "PUT", shop, first), 201, 4) == first, "an old ETag never fits again"


def test_of_those_who_change_one_at_once_exactly_one_wins(stack: Stack, shop: Shop, table: TokenTable) -> None:
    call(stack, "PUT", shop, shop.policy())
    documents = [shop.policy(origins=[f"https://{number}.example.com"]) for number in range(WRITERS)]

    responses = at_once([partial(call, stack, "PUT", shop, document, If_Match='"1"') for document in documents])

    [won] = [response for response in responses if response.ok]
    document_of(won, 200, 2)
    for lost in responses:
        if lost is not won:
            problem_of(lost, 412, "precondition_failed")
    assert stored(table, shop).items() >= parts(won.json()).items()


def test_a_backend_changes_its_own_policy_and_no_other(
    stack: Stack, aws: Aws, shops: Shops, shop: Shop, table: TokenTable
) -> None:
    other = shops.open()
    before = stored(table, other)

    with iam_user(aws("iam"), may_decide(stack, shop.name)) as (arn, credentials):
        put = stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), shop.policy(), credentials=credentials)
        document_of(put, 201, 1)
        for method in ("PUT", "GET", "DELETE"):
            path, body = TRUST_POLICY.format(merchant=other.name), shop.policy() if method == "PUT" else None
            refused = stack.call(method, path, body, credentials=credentials)
            assert refused.status_code == 403
            assert other.origin not in refused.text
            unsigned = stack.call(method, path, body, signed=False)
            problem_of(unsigned, 401, "unauthenticated")
            assert "AWS4-HMAC-SHA256" in unsigned.headers["WWW-Authenticate"]

    assert stored(table, shop)["changedBy"] == arn
    assert stored(table, other) == before
