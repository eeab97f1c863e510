"""A token's life at each provider. Each of these writes is a transaction: decision 0017."""

import json
import secrets
from urllib.parse import quote

from tests.smoke.answers import content, signed
from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import require


def a_fourthwall_token_is_issued(stack: Deployed) -> str:
    response = signed(stack, "PUT", f"/merchants/{stack.merchant}/fourthwall/public-token")
    return f"{response.status_code}, token {content(response, [200, 201])['tokenId']}"


def a_standing_shopify_token_is_created_and_revoked(stack: Deployed) -> str:
    path = f"/merchants/{stack.merchant}/shopify/storefront-access-tokens"
    created = signed(stack, "POST", path, {"title": "Smoke test"}, Idempotency_Key=f"smoke-{secrets.token_hex(8)}")
    token = content(created, [201])["tokenId"]
    content(signed(stack, "DELETE", f"{path}/{token}"), [200])
    left = [each["tokenId"] for each in content(signed(stack, "GET", path), [200])["tokens"]]
    return require(
        token not in left,
        f"token {token} {'is still' if token in left else 'is not'} listed",
        expected="it is not listed",
        advice="revoke it again; a pending revocation is tried until the provider confirms",
    )


def a_shopify_rotation_creates_a_new_token_first(stack: Deployed) -> str:
    shopify = f"/merchants/{stack.merchant}/shopify"
    content(signed(stack, "GET", f"{shopify}/storefront-access-token"), [200])
    rotation = content(signed(stack, "POST", f"{shopify}/rotations"), [202])
    old, new = rotation["previousTokenId"], rotation["tokenId"]
    return require(
        old != new,
        f"{rotation['state']}, token {new} after {old}",
        expected="another token",
        advice="see the rotation's part of docs/explanation/how-it-works.md",
    )


def a_closed_session_gets_no_token(stack: Deployed) -> str:
    path, session = f"/merchants/{stack.merchant}/chicksx/public-tokens", f"smoke-{secrets.token_hex(8)}"
    content(signed(stack, "POST", path, {"sessionId": session}), [201])
    close(stack, session)
    after = signed(stack, "POST", path, {"sessionId": session})
    return require(
        after.status_code == 410,
        f"{after.status_code} after the closing",
        expected="410",
        advice="stop: a closed session must never get a token; keep the log of this request",
    )


def a_session_id_with_a_slash_can_be_signed(stack: Deployed) -> str:
    session = f"smoke/{secrets.token_hex(8)}"
    named = close(stack, session)
    return require(
        named == session, f"sessionId {named}", expected=f"sessionId {session}", advice="sign the path as it is sent"
    )


def the_dispatcher_may_read_its_index(stack: Deployed) -> str:
    answer = stack.client("lambda").invoke(FunctionName=stack.function("LifecycleDispatch"), Payload=b"{}")
    result = json.loads(answer["Payload"].read())
    return require(
        "FunctionError" not in answer,
        str(result.get("errorType", "a run without an error")),
        expected="a run without an error",
        advice="read the dispatcher's log",
    )


def close(stack: Deployed, session: str) -> str:
    """Close a session that nobody has, and return its id as the answer has it."""
    path = f"/merchants/{stack.merchant}/chicksx/sessions/{quote(session, safe='')}/close"
    return str(content(signed(stack, "POST", path, {"orderId": "smoke"}), [200])["sessionId"])


CHECKS = (
    a_fourthwall_token_is_issued,
    a_standing_shopify_token_is_created_and_revoked,
    a_shopify_rotation_creates_a_new_token_first,
    a_closed_session_gets_no_token,
    a_session_id_with_a_slash_can_be_signed,
    the_dispatcher_may_read_its_index,
)
