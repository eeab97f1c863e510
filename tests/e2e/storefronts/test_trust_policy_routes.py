"""The routes of trust policies: what is stored, what is refused, and who wins when two change one at once."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from botocore.credentials import Credentials

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.support.merchant_shops import Document, Shop, Shops
from tests.e2e.storefronts.support.storefront_requests import page
from tests.e2e.storefronts.support.storefront_responses import page_token, refused_by_gateway
from tests.e2e.support.principals import iam_user, may_call
from tests.e2e.support.responses import problem_of, raised_problem
from tests.e2e.support.routes import STOREFRONT_SHOPIFY, TRUST_POLICY

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
WRITERS = 8


@pytest.fixture
def shop(shops: Shops) -> Shop:
    """Return a merchant without a policy."""
    return shops.closed()


def put(
    stack: Stack,
    shop: Shop,
    document: object,
    *,
    headers: dict[str, str] | None = None,
    credentials: Credentials | None = None,
) -> requests.Response:
    return stack.call(
        "PUT", TRUST_POLICY.format(merchant=shop.name), document, headers=headers, credentials=credentials
    )


def get(stack: Stack, shop: Shop) -> requests.Response:
    return stack.call("GET", TRUST_POLICY.format(merchant=shop.name))


def delete(stack: Stack, shop: Shop, *, headers: dict[str, str] | None = None) -> requests.Response:
    return stack.call("DELETE", TRUST_POLICY.format(merchant=shop.name), headers=headers)


def document_of(response: requests.Response, status: int, revision: int) -> Document:
    """Return the document of a response after checking its status and headers."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["ETag"] == f'"{revision}"'
    document: Document = response.json()
    return document


def test_a_policy_is_put_got_changed_and_deleted(stack: Stack, shops: Shops, shop: Shop) -> None:
    first = shop.policy()
    second = shop.policy(origins=["https://new.example"], sessions=None)
    problem_of(get(stack, shop), 404, "trust_policy_not_found")

    assert document_of(put(stack, shop, first), 201, 1) == first
    assert document_of(get(stack, shop), 200, 1) == first
    assert document_of(put(stack, shop, second), 200, 2) == second
    assert document_of(get(stack, shop), 200, 2) == second
    again = put(stack, shop, second, headers={"If-Match": '"1"'})
    assert document_of(again, 200, 2) == second, "a repeated call changes nothing"
    item = shops.stored_policy(shop) or {}
    assert item.pop("changedAt") > 0
    assert item.pop("changeId")
    assert item == {"revision": 2, "document": second, "changedBy": ADMINISTRATOR}

    for deleted in (True, False):
        response = delete(stack, shop)
        assert (response.status_code, response.json()) == (200, {"deleted": deleted})
    problem_of(get(stack, shop), 404, "trust_policy_not_found")
    assert document_of(put(stack, shop, first), 201, 4) == first, "an old ETag never fits again"


def test_a_deleted_policy_opens_nothing(stack: Stack, control: ControlClient, shop: Shop) -> None:
    put(stack, shop, shop.policy())
    delete(stack, shop)

    response = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), shop.origin)

    refused_by_gateway(response, 403, "forbidden")
    assert control.requests() == []


def test_whoever_changes_a_policy_can_say_what_they_have_seen(stack: Stack, shop: Shop) -> None:
    one, other = shop.policy(), shop.policy(sessions=None)

    problem_of(put(stack, shop, one, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    problem_of(put(stack, shop, one, headers={"If-Match": "*"}), 412, "precondition_failed")
    document_of(put(stack, shop, one, headers={"If-None-Match": "*"}), 201, 1)
    problem_of(put(stack, shop, other, headers={"If-None-Match": "*"}), 412, "precondition_failed")
    for stale in ('"0"', '"2"', 'W/"1"', '"01x"', '""'):
        problem_of(put(stack, shop, other, headers={"If-Match": stale}), 412, "precondition_failed")
        problem_of(delete(stack, shop, headers={"If-Match": stale}), 412, "precondition_failed")
    assert document_of(get(stack, shop), 200, 1) == one
    document_of(put(stack, shop, other, headers={"If-Match": '"1"'}), 200, 2)
    document_of(put(stack, shop, one, headers={"If-Match": '"7", "2"'}), 200, 3)
    document_of(put(stack, shop, other, headers={"If-Match": "*"}), 200, 4)
    problem_of(delete(stack, shop, headers={"If-Match": '"3"'}), 412, "precondition_failed")
    assert delete(stack, shop, headers={"If-Match": '"4"'}).json() == {"deleted": True}
    problem_of(put(stack, shop, one, headers={"If-Match": '"4"'}), 412, "precondition_failed")


@pytest.mark.parametrize("headers", [{"If-Match": "1"}, {"If-Match": '"1'}, {"If-Match": ""}, {"If-None-Match": '"1"'}])
def test_a_precondition_that_cannot_be_understood_is_refused(stack: Stack, shop: Shop, headers: dict[str, str]) -> None:
    """Not ignored: whoever sends it counts on it."""
    put(stack, shop, shop.policy())

    problem_of(put(stack, shop, shop.policy(sessions=None), headers=headers), 400, "invalid_request")

    assert document_of(get(stack, shop), 200, 1) == shop.policy()


@pytest.mark.parametrize("first", [False, True], ids=["a change", "the first"])
def test_of_those_who_change_one_at_once_exactly_one_wins(stack: Stack, shops: Shops, shop: Shop, first: bool) -> None:
    if not first:
        put(stack, shop, shop.policy())
    headers = {"If-None-Match": "*"} if first else {"If-Match": '"1"'}
    documents = [shop.policy(origins=[f"https://{number}.example.com"]) for number in range(WRITERS)]
    start = threading.Barrier(WRITERS)

    def writer(document: Document) -> requests.Response:
        start.wait(10)
        return put(stack, shop, document, headers=headers)

    with ThreadPoolExecutor(WRITERS) as pool:
        responses = list(pool.map(writer, documents))

    [won] = [response for response in responses if response.ok]
    revision = 1 if first else 2
    document_of(won, 201 if first else 200, revision)
    for lost in responses:
        if lost is not won:
            problem_of(lost, 412, "precondition_failed")
    item = shops.stored_policy(shop)
    assert item is not None
    assert (item["document"], item["revision"]) == (won.json(), revision)


def test_without_a_precondition_the_last_one_wins_and_none_fails(stack: Stack, shops: Shops, shop: Shop) -> None:
    documents = [shop.policy(origins=[f"https://{number}.example.com"]) for number in range(3)]

    with ThreadPoolExecutor(3) as pool:
        responses = list(pool.map(lambda document: put(stack, shop, document), documents))

    assert sorted(response.status_code for response in responses) == [200, 200, 201]
    assert sorted(response.headers["ETag"] for response in responses) == ['"1"', '"2"', '"3"']
    item = shops.stored_policy(shop)
    assert item is not None
    assert item["document"] in documents


def policy_with(member: str, value: object) -> Document:
    """Return a valid policy with one member replaced by path, or removed if the value is None."""
    shop = Shop("demo", "")
    document = shop.policy()
    *parents, last = member.replace("[0]", ".0").split(".")
    place: Any = document
    for parent in parents:
        place = place[int(parent) if parent.isdecimal() else parent]
    if value is None:
        del place[last]
    else:
        place[int(last) if last.isdecimal() else last] = value
    return document


PROOF = "sessions.proofs[0]"
WRONG: dict[str, tuple[str, Document]] = {
    "no version": ("'version'", policy_with("version", None)),
    "another version": ("'version'", policy_with("version", 2)),
    "no origins": ("'origins'", policy_with("origins", None)),
    "an origin with a path": ("'origins[0]'", policy_with("origins[0]", "https://canary.example/")),
    "an origin with a wildcard": ("'origins[0]'", policy_with("origins[0]", "https://*.canary.example")),
    "null for an origin": ("'origins[0]'", policy_with("origins[0]", "null")),
    "plain http": ("'origins[0]'", policy_with("origins[0]", "http://canary.example")),
    "an unknown operation": ("'anonymous[0]'", policy_with("anonymous[0]", "chicksx/public-tokens")),
    "an unknown proof": (f"'{PROOF}'", policy_with(f"{PROOF}.type", "canary")),
    "a proof without an audience": (f"'{PROOF}.audience'", policy_with(f"{PROOF}.audience", None)),
    "a secret in a proof": (f"'{PROOF}'", policy_with(f"{PROOF}.key", "canary-0123456789abcdef0123456789abcdef")),
    "a claim that is an object": (f"'{PROOF}.claims'", policy_with(f"{PROOF}.claims", {"role": {"canary": 1}})),
    "no scopes": ("'sessions.scopes'", policy_with("sessions.scopes", [])),
    "a scope with a blank": ("'sessions.scopes[0]'", policy_with("sessions.scopes[0]", "canary read")),
}


@pytest.mark.parametrize(("member", "document"), WRONG.values(), ids=WRONG)
def test_a_document_that_is_not_right_is_refused_by_its_members_name_and_changes_nothing(
    stack: Stack, shops: Shops, shop: Shop, member: str, document: Document
) -> None:
    put(stack, shop, shop.policy())
    before = shops.stored_policy(shop)

    problem = problem_of(put(stack, shop, document), 400, "invalid_request")

    assert member in problem["detail"]
    assert "canary" not in problem["detail"], "a secret may stand in the wrong place"
    assert shops.stored_policy(shop) == before


BODIES = {
    "nothing": b"",
    "no JSON": b"version=1",
    "an array": b"[]",
    "null": b"null",
    "a member twice": b'{"version":1,"origins":[],"origins":["https://evil.com"]}',
    "an unknown member": b'{"version":1,"origins":[],"secret":"x"}',
    "the merchant": b'{"version":1,"origins":[],"merchant":"demo"}',
    "a header's field": b'{"version":1,"origins":[],"ifMatch":"*"}',
    "infinity": b'{"version":1e999,"origins":[]}',
    "more than 16 KB": json.dumps({"version": 1, "origins": ["https://x.example"] * 2_000}).encode(),
    "more than 16 KB of blanks": b'{"version":1,"origins":[]' + b" " * 16 * 1024 + b"}",
    "deeply nested": b'{"version":1,"origins":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    "no UTF-8": b'{"version":1,"origins":["https://\xff.example"]}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_policy_is_refused_and_stores_nothing(
    stack: Stack, shops: Shops, shop: Shop, body: bytes
) -> None:
    problem_of(put(stack, shop, body), 400, "invalid_request")

    assert shops.stored_policy(shop) is None


def test_the_query_takes_no_part_of_a_policy(stack: Stack, shops: Shops, shop: Shop) -> None:
    for query in ("version=1", "merchant=demo", "force=true"):
        response = stack.call("PUT", f"{TRUST_POLICY.format(merchant=shop.name)}?{query}", shop.policy())
        problem_of(response, 400, "invalid_request")

    assert shops.stored_policy(shop) is None


def test_a_policy_needs_no_secret_yet(stack: Stack, shops: Shops) -> None:
    """Who comes first, the operator or the merchant, is theirs to choose."""
    nobody = Shop(shops.merchants.nobody(), "")

    document_of(put(stack, nobody, nobody.policy()), 201, 1)


# --------------------------------------------------------------------------------------------------- who may change it


def test_a_backend_changes_its_own_policy_and_no_other(stack: Stack, aws: Aws, shops: Shops) -> None:
    own, other = shops.closed(), shops.open()
    before = shops.stored_policy(other)

    with iam_user(aws("iam"), [may_call(stack, own.name)]) as (arn, credentials):
        document_of(put(stack, own, own.policy(), credentials=credentials), 201, 1)
        for method in ("PUT", "GET", "DELETE"):
            body = own.policy() if method == "PUT" else None
            response = stack.call(method, TRUST_POLICY.format(merchant=other.name), body, credentials=credentials)
            assert response.status_code == 403
            assert other.origin not in response.text

    assert (shops.stored_policy(own) or {})["changedBy"] == arn
    assert shops.stored_policy(other) == before


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_nobody_reads_or_changes_a_policy_without_a_signature(stack: Stack, shops: Shops, method: str) -> None:
    shop = shops.open()
    before = shops.stored_policy(shop)

    body = shop.policy(anonymous=None) if method == "PUT" else None
    headers = {"Origin": shop.origin}
    response = stack.call(method, TRUST_POLICY.format(merchant=shop.name), body, headers=headers, signed=False)

    problem_of(response, 401, "unauthenticated")
    assert "AWS4-HMAC-SHA256" in response.headers["WWW-Authenticate"]
    assert shops.stored_policy(shop) == before


# -------------------------------------------------------------------------------------------------- invoked directly


def test_the_functions_of_policies_can_be_invoked(stack: Stack, shop: Shop) -> None:
    merchant = {"merchant": shop.name}
    first, second = shop.policy(), shop.policy(sessions=None)

    assert stack.invoke("storefronts/put_trust_policy", {**merchant, **first}) == ({**first, "revision": 1}, None)
    changed = stack.invoke("storefronts/put_trust_policy", {**merchant, **second, "ifMatch": '"1"'})
    assert changed == ({**second, "revision": 2}, None)
    assert stack.invoke("storefronts/get_trust_policy", merchant) == ({**second, "revision": 2}, None)
    page_token(page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), shop.origin), shop.origin)
    deleted = stack.invoke("storefronts/delete_trust_policy", {**merchant, "ifMatch": '"2"'})
    assert deleted == ({"deleted": True}, None)


def test_a_direct_invocation_that_fails_raises_the_errors_name(stack: Stack, shop: Shop) -> None:
    merchant = {"merchant": shop.name}

    for folder, event, name, status, code in (
        ("get_trust_policy", merchant, "TrustPolicyNotFound", 404, "trust_policy_not_found"),
        (
            "put_trust_policy",
            {**merchant, **shop.policy(), "ifMatch": '"1"'},
            "PreconditionFailed",
            412,
            "precondition_failed",
        ),
        ("put_trust_policy", {**merchant, **shop.policy(version=2)}, "InvalidRequest", 400, "invalid_request"),
        ("put_trust_policy", {**merchant, **shop.policy(), "grant": {}}, "InvalidRequest", 400, "invalid_request"),
    ):
        answer, raised = stack.invoke(f"storefronts/{folder}", event)
        assert raised == name
        raised_problem(answer, status, code)


@pytest.mark.parametrize("folder", ["shop_authorizer", "proof_authorizer"])
def test_an_authorizer_that_is_asked_something_else_opens_nothing(
    stack: Stack, control: ControlClient, shops: Shops, folder: str
) -> None:
    """Whoever may invoke it learns no more than the gateway."""
    shop = shops.open()
    path = STOREFRONT_SHOPIFY.format(merchant=shop.name)
    arn = f"arn:aws:execute-api:us-east-1:000000000000:api/v1/GET{path}"
    headers = {"Origin": [shop.origin], "Authorization": [f"Bearer {shop.proof()}"]}
    usual = {
        "type": "REQUEST",
        "httpMethod": "GET",
        "resource": STOREFRONT_SHOPIFY,
        "methodArn": arn,
        "pathParameters": {"merchant": shop.name},
        "multiValueHeaders": headers,
    }

    for changes in (
        {"methodArn": arn.replace("/GET/", "/*/")},
        {"methodArn": f"{arn}/*"},
        {"methodArn": "*"},
        {"methodArn": f"{arn}\n"},
        {"resource": "/merchants/{merchant}/shopify/storefront-access-token"},
        {"pathParameters": {"merchant": "*"}},
        {"pathParameters": None},
        {"httpMethod": "*"},
    ):
        answer, raised = stack.invoke(f"storefronts/{folder}", {**usual, **changes})
        assert raised is None
        [statement] = answer["policyDocument"]["Statement"]
        assert (statement["Effect"], answer["context"]) == ("Deny", {}), changes

    assert control.requests() == []
