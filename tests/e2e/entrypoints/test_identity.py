"""Who is let in: nobody without a signature, nobody with a wrong one, and each principal only to its merchant."""

import json
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.principals import (
    assumed,
    client_of,
    denied,
    iam_role,
    iam_user,
    may_call,
    policies_of,
    statements,
)
from tests.e2e.support.raw_http import send, send_unsigned, sign
from tests.e2e.support.responses import checked_problem, problem_of
from tests.e2e.support.routes import POLICY, ROUTES, SHOPIFY, SHOPIFY_CURRENT, Route
from tests.e2e.support.token_table import TokenTable

type User = tuple[str, Credentials]

#: The policies of one role for all merchants, as the page for operators has them: its permissions, and whom it trusts.
PERMISSIONS, TRUST, _ = policies_of("docs/how-to/let-backends-call.md")


@pytest.fixture(scope="module")
def merchant(merchants: Merchants) -> Merchant:
    """Return a shop with a current token that only the shop's own user may read."""
    return merchants.shopify()


@pytest.fixture(scope="module")
def user(stack: Stack, aws: Aws, merchant: Merchant) -> Iterator[User]:
    """Yield an IAM user that may call this merchant's routes and no other."""
    with iam_user(aws("iam"), may_call(stack, merchant.name)) as made:
        yield made


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_refuses_an_unsigned_call(stack: Stack, control: ControlClient, route: Route) -> None:
    response = send_unsigned(stack, route.method, route.to("demo"), route.body)

    problem_of(response, 401, "unauthenticated")
    assert "AWS4-HMAC-SHA256" in response.headers["WWW-Authenticate"]
    assert control.requests() == []


def test_a_user_is_held_to_its_merchant(stack: Stack, merchants: Merchants, merchant: Merchant, user: User) -> None:
    _, credentials = user
    other = merchants.shopify()

    broker = stack.broker(credentials)

    assert broker.merchant(merchant.name).shopify.current().merchant == merchant.name
    with denied():
        broker.merchant(other.name).shopify.current()


def test_a_team_stores_its_merchants_secrets_and_does_not_decide_about_its_pages(
    stack: Stack, merchants: Merchants, merchant: Merchant, user: User
) -> None:
    manager = client_of(stack, user[1], "secretsmanager")
    names = [f"{stack.described['secretPrefix']}/shopify/{name}" for name in (merchant.name, merchants.shopify().name)]

    manager.put_secret_value(SecretId=names[0], SecretString=json.dumps(merchant.secret))
    with pytest.raises(ClientError, match="AccessDenied"):
        manager.put_secret_value(SecretId=names[1], SecretString="{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        manager.get_secret_value(SecretId=names[0])
    policy = stack.broker(user[1]).merchant(merchant.name).trust_policy
    for change in (lambda: policy.put(POLICY), policy.delete):
        with denied():
            change()


def test_one_role_for_all_merchants_is_held_to_the_merchant_of_its_session(
    stack: Stack, aws: Aws, merchants: Merchants, merchant: Merchant
) -> None:
    iam, account = aws("iam"), aws("sts").get_caller_identity()["Account"]
    api = stack.api_url.split("/execute-api/")[1].split("/")[0]
    places = {"{region}": stack.described["region"], "{account}": account, "{api}": api}
    may_assume = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "*"}

    with (
        iam_user(iam, [may_assume]) as (backend, credentials),
        iam_user(iam, [may_assume]) as (_, stranger),
        iam_role(iam, account, statements(PERMISSIONS, places), statements(TRUST, {"{backend}": backend})) as role,
    ):
        session = assumed(stack, role, "checkout", credentials, {"merchant": merchant.name})
        broker = stack.broker(session)
        own, other = broker.merchant(merchant.name).shopify, broker.merchant(merchants.shopify().name).shopify
        assert own.current().merchant == merchant.name
        for refused in (other.current, lambda: own.migrate_token(merchant.secret["shop"])):
            with denied():
                refused()
        for tags in ({}, {"merchant": ""}, {"merchant": merchant.name, "team": "a"}):
            with pytest.raises(ClientError, match="AccessDenied"):
                assumed(stack, role, "checkout", credentials, tags)
        with pytest.raises(ClientError, match="AccessDenied"):
            assumed(stack, role, "checkout", stranger, {"merchant": merchant.name})


def test_nothing_but_the_path_names_the_merchant(
    stack: Stack, control: ControlClient, merchants: Merchants, merchant: Merchant, user: User
) -> None:
    """The policy looks at the path, so nothing but the path may say whose token it is."""
    other = merchants.shopify().name
    path = SHOPIFY_CURRENT.format(merchant=merchant.name)
    control.forget_requests()

    problem_of(send(stack, "GET", f"{path}?merchant={other}", credentials=user[1]), 400, "invalid_request")
    for between in ("%2F..%2F", "/../", "%2f%2e%2e%2f"):
        path = SHOPIFY_CURRENT.format(merchant=f"{merchant.name}{between}{other}")
        response = send(stack, "GET", path, credentials=user[1])
        assert response.status_code in (400, 401, 403), response.text
        assert "accessToken" not in response.text
        assert "accessToken" not in send(stack, "GET", path).text
    assert control.requests() == []


def test_a_request_that_was_changed_after_it_was_signed_is_refused(
    stack: Stack, control: ControlClient, merchant: Merchant, user: User
) -> None:
    path = SHOPIFY.format(merchant=merchant.name)
    body, more = b'{"title":"Kiosk"}', b'{"title":"Other"}'
    signed = sign(stack, "POST", path, body, credentials=user[1])
    listing = sign(stack, "GET", path, credentials=user[1])
    control.forget_requests()

    for response in (
        signed.send("POST", path, more),
        signed.send("POST", path),
        listing.send("GET", SHOPIFY_CURRENT.format(merchant=merchant.name)),
        listing.send("GET", f"{path}?foreign=true"),
        listing.send("DELETE", f"{path}/5"),
    ):
        codes = {401: "unauthenticated", 403: "forbidden"}
        checked_problem(response.json(), response.status_code, codes[response.status_code])

    assert control.requests() == []
    assert listing.send("GET", path).status_code == 200, "unchanged it is good"


def test_an_idempotency_key_is_its_callers_own_and_shared_by_the_processes_under_one_role(
    stack: Stack, aws: Aws, merchant: Merchant, user: User, table: TokenTable
) -> None:
    """A backend's processes assume one role under session names of their own: to a key they are one caller."""
    account = aws("sts").get_caller_identity()["Account"]

    with iam_role(aws("iam"), account, may_call(stack, merchant.name)) as role:
        processes = [assumed(stack, role, session) for session in ("process-1", "process-2")]
        shops = [stack.broker(caller).merchant(merchant.name).shopify for caller in (*processes, user[1])]
        first, second, another = (shop.create("Kiosk", idempotency_key="shared") for shop in shops)

    assert first == second
    assert another.token_id != first.token_id
    assert table.partition(f"shopify#{merchant.name}")[f"token#{another.token_id}"]["requestedBy"] == user[0]
