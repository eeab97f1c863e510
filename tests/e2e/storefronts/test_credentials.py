"""Each way in takes its own credentials: a proof is nothing to IAM, a signature nothing to a storefront's route.

And what a signature is worth that somebody else got hold of.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.support.merchant_shops import Shop, Shops
from tests.e2e.storefronts.support.storefront_requests import page
from tests.e2e.storefronts.support.storefront_responses import page_token, refused_by_gateway
from tests.e2e.support.principals import iam_user, may_call
from tests.e2e.support.raw_http import exchange
from tests.e2e.support.responses import checked_problem, problem_of
from tests.e2e.support.routes import (
    CHICKSX,
    FOURTHWALL,
    ROTATION_SETTINGS,
    SHOPIFY,
    SHOPIFY_CURRENT,
    STOREFRONT_CHICKSX,
    STOREFRONT_SHOPIFY,
    TRUST_POLICY,
)
from tests.e2e.support.signing import Sent, sign

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

BACKENDS_ROUTES = {
    FOURTHWALL: ("PUT", None),
    CHICKSX: ("POST", {"sessionId": "checkout-1"}),
    SHOPIFY_CURRENT: ("GET", None),
    SHOPIFY: ("GET", None),
    f"{SHOPIFY}/5": ("DELETE", None),
    ROTATION_SETTINGS: ("GET", None),
    TRUST_POLICY: ("GET", None),
}


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


@pytest.fixture(scope="module")
def backend(stack: Stack, aws: Aws, shop: Shop) -> Iterator[Credentials]:
    """Yield the backend's credentials, which allow this merchant's routes."""
    with iam_user(aws("iam"), [may_call(stack, shop.name)]) as (_, credentials):
        yield credentials


def refused(response: requests.Response) -> None:
    """Not known, or not allowed: with a problem document, and without a token or a policy."""
    codes = {401: "unauthenticated", 403: "forbidden"}
    assert response.status_code in codes, response.text
    checked_problem(response.json(), response.status_code, codes[response.status_code])


# ------------------------------------------------------------------------------------------------- the other's routes


@pytest.mark.parametrize("path", BACKENDS_ROUTES)
@pytest.mark.parametrize("scheme", ["Bearer", "AWS4-HMAC-SHA256"])
def test_a_storefronts_proof_is_nothing_to_the_backends_routes(
    stack: Stack, control: ControlClient, shop: Shop, path: str, scheme: str
) -> None:
    method, body = BACKENDS_ROUTES[path]
    headers = {"Authorization": f"{scheme} {shop.proof()}", "Origin": shop.origin}

    refused(stack.call(method, path.format(merchant=shop.name), body, headers=headers, signed=False))

    assert control.requests() == []


def test_a_storefronts_proof_changes_no_policy(stack: Stack, shops: Shops, shop: Shop) -> None:
    before = shops.stored_policy(shop)
    headers = {"Authorization": f"Bearer {shop.proof()}", "Origin": shop.origin}

    for method, body in (("PUT", shop.policy(origins=["https://evil.com"])), ("DELETE", None)):
        refused(stack.call(method, TRUST_POLICY.format(merchant=shop.name), body, headers=headers, signed=False))

    assert shops.stored_policy(shop) == before


def test_a_signature_is_nothing_to_a_storefronts_routes(
    stack: Stack, control: ControlClient, shop: Shop, backend: Credentials
) -> None:
    """Not even the administrator's."""
    for credentials in (backend, stack.credentials()):
        path = STOREFRONT_SHOPIFY.format(merchant=shop.name)
        refused_by_gateway(stack.call("GET", path, credentials=credentials), 403, "forbidden")
    path = STOREFRONT_CHICKSX.format(merchant=shop.name)
    response = stack.call("POST", path, {"sessionId": "checkout-1"})
    refused_by_gateway(response, 401, "unauthenticated")

    assert control.requests() == []


def test_a_signed_call_of_an_allowed_page_is_a_pages_call(stack: Stack, shop: Shop, backend: Credentials) -> None:
    """No more, and no less."""
    path = STOREFRONT_SHOPIFY.format(merchant=shop.name)

    signed = stack.call("GET", path, headers={"Origin": shop.origin}, credentials=backend)

    assert page_token(signed, shop.origin) == page_token(page(stack, path, shop.origin), shop.origin)


# --------------------------------------------------------------------------------------- a signature in other hands


@pytest.fixture
def put(stack: Stack, shop: Shop, backend: Credentials) -> Callable[..., tuple[Sent, str, bytes]]:
    """Signs a change of the policy: the signed headers, the path and the body."""

    def make(headers: dict[str, str] | None = None, **members: object) -> tuple[Sent, str, bytes]:
        path, body = TRUST_POLICY.format(merchant=shop.name), json.dumps(shop.policy(**members)).encode()
        return sign(stack, "PUT", path, body, credentials=backend, headers=headers), path, body

    return make


type Put = Callable[..., tuple[Sent, str, bytes]]


def test_an_altered_request_is_refused_under_the_old_signature(
    stack: Stack, shops: Shops, shop: Shop, put: Put
) -> None:
    other = shops.open()
    signed, path, body = put(anonymous=None)
    evil = json.dumps(shop.policy(origins=["https://evil.com"])).encode()
    before = shops.stored_policy(shop), shops.stored_policy(other)

    for response in (
        signed.send("PUT", path, evil),
        signed.send("PUT", path, body + b" "),
        signed.send("PUT", path),
        signed.send("PUT", TRUST_POLICY.format(merchant=other.name), body),
        signed.send("PUT", f"{path}/", body),
        signed.send("PUT", path.replace("trust", "%74rust"), body),
        signed.send("PUT", f"{path}?x=1", body),
        signed.send("DELETE", path, body),
        signed.send("DELETE", path),
        signed.send("POST", CHICKSX.format(merchant=shop.name), body),
    ):
        refused(response)

    assert (shops.stored_policy(shop), shops.stored_policy(other)) == before


def test_an_altered_header_is_refused_if_it_was_signed(stack: Stack, shops: Shops, put: Put, shop: Shop) -> None:
    signed, path, body = put({"If-Match": '"999"'}, anonymous=None)
    before = shops.stored_policy(shop)
    changes: tuple[dict[str, str], ...] = (
        {"If-Match": "*"},
        {"If-Match": ""},
        {"X-Amz-Date": "20300101T000000Z"},
        {"Authorization": signed.headers["Authorization"].replace("if-match;", "")},
        {"Authorization": signed.headers["Authorization"].replace("us-east-1", "eu-central-1")},
        {"Authorization": signed.headers["Authorization"].replace("/execute-api/", "/lambda/")},
        {"Authorization": signed.headers["Authorization"][:-1] + "x"},
        {"Authorization": signed.headers["Authorization"].partition(", Signature=")[0]},
    )

    for change in changes:
        refused(Sent(stack, {**signed.headers, **change}).send("PUT", path, body))

    assert shops.stored_policy(shop) == before
    problem_of(signed.send("PUT", path, body), 412, "precondition_failed")


def test_a_signature_for_another_region_is_refused(
    stack: Stack, shops: Shops, shop: Shop, backend: Credentials
) -> None:
    """For another service, too; the local AWS does not look at that part."""
    path, body = TRUST_POLICY.format(merchant=shop.name), json.dumps(shop.policy(anonymous=None)).encode()
    before = shops.stored_policy(shop)
    request = AWSRequest("PUT", stack.api_url + path, headers={"Content-Type": "application/json"}, data=body)
    SigV4Auth(backend, "execute-api", "eu-central-1").add_auth(request)

    response = Sent(stack, dict(request.headers.items())).send("PUT", path, body)

    assert response.status_code in (401, 403)
    assert shops.stored_policy(shop) == before


@pytest.mark.parametrize("minutes", [-16, 16], ids=["old", "of the future"])
def test_a_signature_of_another_time_is_refused(
    shops: Shops, shop: Shop, put: Put, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    before = shops.stored_policy(shop)
    then = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)

    signed, path, body = put(anonymous=None)

    assert signed.headers["X-Amz-Date"] == then.strftime("%Y%m%dT%H%M%SZ")
    refused(signed.send("PUT", path, body))
    assert shops.stored_policy(shop) == before


def test_a_replay_within_minutes_does_the_same_once_more_and_nothing_else(shops: Shops, shop: Shop, put: Put) -> None:
    """SigV4 allows it for 15 minutes. A signed If-Match makes each change good for once."""
    revision = (shops.stored_policy(shop) or {})["revision"]
    signed, path, body = put({"If-Match": f'"{revision}"'}, origins=[shop.origin, "https://new.example"])

    assert [signed.send("PUT", path, body).status_code for _ in range(2)] == [200, 200]
    assert (shops.stored_policy(shop) or {})["revision"] == revision + 1, "the second changed nothing"

    unconditional, other_path, other_body = put()
    assert unconditional.send("PUT", other_path, other_body).status_code == 200
    problem_of(signed.send("PUT", path, body), 412, "precondition_failed")
    assert (shops.stored_policy(shop) or {})["revision"] == revision + 2


def test_a_signature_in_the_query_is_as_good_and_as_exact(
    stack: Stack, shops: Shops, shop: Shop, backend: Credentials
) -> None:
    path = TRUST_POLICY.format(merchant=shop.name)
    request: Any = AWSRequest("GET", stack.api_url + path)
    SigV4QueryAuth(backend, "execute-api", stack.described["region"], expires=60).add_auth(request)
    query = request.url.partition("?")[2]

    good = exchange(stack, "GET", f"{path}?{query}")
    assert good.status_code == 200, "the signature is no field of the request"
    assert good.json() == (shops.stored_policy(shop) or {})["document"]
    for altered in (
        query.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        f"{query}&x=1",
        query[:-1] + ("0" if query[-1] != "0" else "1"),
        "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature")),
    ):
        refused(exchange(stack, "GET", f"{path}?{altered}"))


# ------------------------------------------------------------------------------- one principal, one merchant, one path


def test_a_crooked_path_leads_a_backend_to_no_other_merchants_policy(
    stack: Stack, shops: Shops, shop: Shop, backend: Credentials
) -> None:
    other = shops.open()
    before = shops.stored_policy(other)
    body = json.dumps(shop.policy()).encode()

    for crooked in (
        f"/merchants/{shop.name}/../{other.name}/trust-policy",
        f"/merchants/{shop.name}/%2e%2e/{other.name}/trust-policy",
        f"/merchants/{shop.name}%2F..%2F{other.name}/trust-policy",
        f"/merchants/{shop.name}%2f%2e%2e%2f{other.name}/trust-policy",
        f"/merchants/{shop.name};/../{other.name}/trust-policy",
        f"/merchants/{shop.name}%00{other.name}/trust-policy",
        f"/merchants/{shop.name}//{other.name}/trust-policy",
        f"/merchants/{shop.name.upper()}/trust-policy",
        f"/merchants/{other.name}/trust-policy#/merchants/{shop.name}/x",
        f"/merchants/{other.name}%2Ftrust-policy%23%2Fmerchants%2F{shop.name}%2Fx",
        f"/merchants/{shop.name}/trust-policy/../../{other.name}/trust-policy",
    ):
        for method, sent in (("PUT", body), ("GET", None), ("DELETE", None)):
            response = sign(stack, method, crooked, sent, credentials=backend).send(method, crooked, sent)
            assert response.status_code in (400, 401, 403), (method, crooked, response.text)
            assert other.origin not in response.text

    assert shops.stored_policy(other) == before
