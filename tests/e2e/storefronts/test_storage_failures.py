"""An authorizer that cannot read what it judges by lets nobody in, and says when to come again."""

import json

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.conftest import AuthorizerLog
from tests.e2e.support.routes import CLIENT_SHOPIFY
from tests.e2e.support.storefronts import Shops, client, refused_by_gateway, session
from tests.e2e.support.waiting import wait_until


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
    shop, body = shops.open(), {"sessionId": "checkout-1"}
    function = stack.described["functions"]["storefronts/proof_authorizer"]
    role = aws("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    denied = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}

    aws("iam").put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=json.dumps(denied))
    try:
        response = session(stack, shop, shop.proof(), body, origin=shop.origin)
        client_response = client(stack, CLIENT_SHOPIFY.format(merchant=shop.name), shop.client_proof())
    finally:
        aws("iam").delete_role_policy(RoleName=role, PolicyName="denied")

    for refused in (response, client_response):
        refused_by_gateway(refused, status, code)
    assert [line["decision"] for line in authorizer_log.decisions()[shop.name]] == [decision, decision]
    assert control.requests() == []
    # A process that could not read the keys leaves Secrets Manager alone for five seconds.
    wait_until(lambda: session(stack, shop, shop.proof(), body).status_code == 201, "the proof counts again")
