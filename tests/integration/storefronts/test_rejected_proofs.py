"""What the proof authorizer refuses before it looks at a key."""

import pytest

from tests.fakes.trust_policies import SHOP, policy, sessions
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.functions import CHICKSX, CURRENT, PROOF_AUTHORIZER
from tests.integration.support.gateway import Gateway, authorizer_request, opened, proof, request
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.entrypoints.authorizer import DecisionUnavailable


@pytest.mark.parametrize("written", ["Basic {}", "Bearer{}", "{}", "Bearer not-a-jwt", "Bearer a.b.c"])
def test_what_has_not_the_form_of_a_proof_reads_no_policy(stack: Stack, written: str) -> None:
    gateway = opened(stack, policy(sessions=sessions()))
    event = request(CHICKSX, MERCHANT, {"Origin": SHOP, "Authorization": written.format(proof(stack))})
    authorizer = gateway.stack.worker(PROOF_AUTHORIZER)

    with (
        counted(stack.dynamodb, stack.secretsmanager) as calls,
        pytest.raises(DecisionUnavailable, match=r"^Unauthorized$"),
    ):
        authorizer.invoke(authorizer_request(event))

    assert calls == []


def test_a_merchant_whose_policy_opens_no_session_takes_no_proof(stack: Stack) -> None:
    gateway = opened(stack, policy(anonymous=["shopify/storefront-access-token"]))

    assert gateway.session(proof(stack), "s-1").status == 401
    assert stack.asked(CHICKSX) == []


def test_a_merchant_without_a_policy_takes_no_proof(stack: Stack) -> None:
    assert Gateway(stack).session(proof(stack), "s-1").status == 401
    assert stack.asked(CHICKSX) == []


def test_a_merchant_whose_backend_has_no_key_takes_no_proof(stack: Stack) -> None:
    stack.trust(policy(sessions=sessions()))

    assert Gateway(stack).session(proof(stack), "s-1").status == 401
    assert stack.asked(CHICKSX) == []


def test_a_proof_opens_nothing_but_sessions(stack: Stack) -> None:
    """Whichever authorizer a route is given: a proof of a session is no right to the shop's token."""
    gateway = opened(stack, policy(anonymous=["shopify/storefront-access-token"], sessions=sessions()))
    event = request(CURRENT, MERCHANT, {"Origin": SHOP, "Authorization": f"Bearer {proof(stack)}"})

    decision = gateway.stack.worker(PROOF_AUTHORIZER).invoke(authorizer_request(event))

    assert decision["policyDocument"]["Statement"][0]["Effect"] == "Deny"
