"""An authorizer that cannot read what it judges by lets nobody in, and says when to come again."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.support.authorizer_log import AuthorizerLog
from tests.e2e.storefronts.support.merchant_shops import Shops
from tests.e2e.storefronts.support.storefront_requests import page, session
from tests.e2e.storefronts.support.storefront_responses import page_token, refused_by_gateway
from tests.e2e.support.routes import STOREFRONT_SHOPIFY
from tests.e2e.support.waiting import wait_until

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

BODY = {"sessionId": "checkout-1"}


@contextmanager
def forbidden(stack: Stack, aws: Aws, folder: str, action: str) -> Iterator[None]:
    """Deny the action to the function's role until the block ends."""
    function = stack.described["functions"][folder]
    role = aws("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    statement = f'{{"Effect": "Deny", "Action": "{action}", "Resource": "*"}}'
    document = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    aws("iam").put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
    try:
        yield
    finally:
        aws("iam").delete_role_policy(RoleName=role, PolicyName="denied")


def test_no_page_gets_in_while_no_policy_can_be_read(
    stack: Stack, aws: Aws, control: ControlClient, shops: Shops
) -> None:
    shop = shops.open()
    path = STOREFRONT_SHOPIFY.format(merchant=shop.name)

    with forbidden(stack, aws, "storefronts/shop_authorizer", "dynamodb:GetItem"):
        response = page(stack, path, shop.origin)

    refused_by_gateway(response, 503, "storage_unavailable")
    assert control.requests() == []
    page_token(page(stack, path, shop.origin), shop.origin)


@pytest.mark.parametrize(
    ("action", "status", "code", "decision"),
    [
        ("dynamodb:GetItem", 503, "storage_unavailable", "none"),
        # A secret that the role may not read is as good as none: no key, no proof.
        ("secretsmanager:GetSecretValue", 401, "unauthenticated", "unauthorized"),
    ],
)
def test_no_proof_counts_while_policy_or_keys_cannot_be_read(
    stack: Stack,
    aws: Aws,
    control: ControlClient,
    shops: Shops,
    authorizer_log: AuthorizerLog,
    action: str,
    status: int,
    code: str,
    decision: str,
) -> None:
    shop = shops.open()

    with forbidden(stack, aws, "storefronts/proof_authorizer", action):
        response = session(stack, shop, shop.proof(), BODY, origin=shop.origin)

    refused_by_gateway(response, status, code)
    [line] = authorizer_log.decisions()[shop.name]
    assert line["decision"] == decision
    assert control.requests() == []
    # A process that could not read the keys leaves Secrets Manager alone for five seconds.
    wait_until(lambda: session(stack, shop, shop.proof(), BODY).status_code == 201, "the proof counts again")
