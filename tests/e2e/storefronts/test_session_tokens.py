"""A session's token for whoever proves that the session is theirs: what is asked for, and what is handed out."""

import jwt
import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.conftest import AuthorizerLog
from tests.e2e.support.responses import fingerprint
from tests.e2e.support.storefronts import (
    SCOPES,
    Shop,
    Shops,
    refused_by_function,
    refused_by_gateway,
    session,
    session_token,
)
from tests.e2e.support.token_table import TokenTable


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


def test_a_page_with_a_proof_gets_its_sessions_token(
    stack: Stack, control: ControlClient, shop: Shop, table: TokenTable
) -> None:
    sid = "checkout/1 #é"

    token = session_token(
        session(stack, shop, shop.proof(sid), {"sessionId": sid}, origin=shop.origin), 201, shop.origin
    )

    [issued] = [each for each in control.state()["chicksx"][shop.name]["tokens"] if each["sessionId"] == sid]
    assert fingerprint(token["accessToken"]) == issued["fingerprint"]
    assert (token["merchant"], token["subject"], token["scope"]) == (shop.name, f"session:{sid}", list(SCOPES))
    [seen] = control.requests("chicksx")
    assert seen["body"] == {"sessionId": sid, "scope": list(SCOPES)}, "exactly what the policy allows"
    wrong = session(stack, shop, shop.proof(sid), {"sessionId": "another"}, origin=shop.origin)
    refused_by_function(wrong, 403, "forbidden", shop.origin)
    record = table.partition(f"chicksx#{shop.name}#session:{sid}")[f"token#{token['tokenId']}"]
    assert record["requestedBy"] == f"storefront {shop.origin}"


def test_what_proves_nothing_is_401_without_a_word_about_what_was_wrong(
    stack: Stack, control: ControlClient, shops: Shops, authorizer_log: AuthorizerLog
) -> None:
    """The many more forms are tried in tests/unit/proofs."""
    shop, other = shops.open(), shops.open()
    header, _, signature = shop.proof().split(".")
    wrong = {
        "bad_signature": ".".join((header, shop.proof("other").split(".")[1], signature)),
        "expired": shop.proof(exp=1),
        "wrong_algorithm": jwt.encode({"iss": shop.origin}, "", "none"),
        "unknown_key": shop.proof(kid="second"),
        "unknown_issuer": other.proof(),
        "no Bearer token": None,
    }

    for proof in wrong.values():
        response = session(stack, shop, proof, {"sessionId": "checkout-1"}, origin=shop.origin)
        problem = refused_by_gateway(response, 401, "unauthenticated")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert problem["detail"].startswith("The proof is missing, expired or not valid.")

    decisions = [(line["decision"], line["reason"]) for line in authorizer_log.decisions()[shop.name]]
    assert decisions == [("unauthorized", reason) for reason in wrong]
    assert control.requests() == []
