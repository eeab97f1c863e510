"""A session's token for whoever proves that the session is theirs: what is asked for, and what is handed out."""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.support.merchant_shops import KID, SCOPES, Shop, Shops
from tests.e2e.storefronts.support.proof_tokens import hs256
from tests.e2e.storefronts.support.storefront_requests import session
from tests.e2e.storefronts.support.storefront_responses import refused_by_function, refused_by_gateway, session_token
from tests.e2e.support.cold_starts import renew
from tests.e2e.support.recorded_aws_calls import CallsSince
from tests.e2e.support.responses import fingerprint, token_of
from tests.e2e.support.routes import CHICKSX
from tests.e2e.support.token_table import TokenTable

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

type ProviderToken = Callable[[str], list[dict[str, Any]]]

CALLERS = 4


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


def test_a_page_with_a_proof_gets_its_sessions_token(
    stack: Stack, control: ControlClient, shop: Shop, minted: ProviderToken, table: TokenTable
) -> None:
    sid = "checkout/1 #é"

    token = session_token(
        session(stack, shop, shop.proof(sid), {"sessionId": sid}, origin=shop.origin), 201, shop.origin
    )

    [issued] = [each for each in minted(shop.name) if each["sessionId"] == sid]
    assert fingerprint(token["accessToken"]) == issued["fingerprint"]
    assert (token["merchant"], token["subject"]) == (shop.name, f"session:{sid}")
    assert token["scope"] == list(SCOPES)
    [seen] = control.requests("chicksx")
    assert seen["body"] == {"sessionId": sid, "scope": list(SCOPES)}, "exactly what the policy allows"
    record = table.partition(f"chicksx#{shop.name}#session:{sid}")[f"token#{token['tokenId']}"]
    assert record["requestedBy"] == f"storefront {shop.origin}"


def test_an_app_which_has_no_origin_gets_it_too(stack: Stack, shop: Shop) -> None:
    session_token(session(stack, shop, shop.proof("app"), {"sessionId": "app"}), 201)


def test_a_session_keeps_its_token(stack: Stack, control: ControlClient, shop: Shop) -> None:
    first = session_token(session(stack, shop, shop.proof("kept"), {"sessionId": "kept"}), 201)

    again = session(stack, shop, shop.proof("kept"), {"sessionId": "kept"}, origin=shop.origin)

    assert session_token(again, 200, shop.origin) == first
    assert len(control.requests("chicksx")) == 1


def test_a_session_asked_for_at_once_gets_one_token(stack: Stack, shop: Shop, minted: ProviderToken) -> None:
    proof = shop.proof("at-once")
    start = threading.Barrier(CALLERS)

    def caller(_number: int) -> requests.Response:
        start.wait(10)
        return session(stack, shop, proof, {"sessionId": "at-once"})

    with ThreadPoolExecutor(CALLERS) as pool:
        responses = list(pool.map(caller, range(CALLERS)))

    assert sorted(response.status_code for response in responses) == [200] * (CALLERS - 1) + [201]
    tokens = [session_token(response, response.status_code) for response in responses]
    assert all(token == tokens[0] for token in tokens)
    assert len([each for each in minted(shop.name) if each["sessionId"] == "at-once"]) == 1


def test_a_fresh_proof_costs_no_read_once_policy_and_keys_are_known(
    stack: Stack, shop: Shop, calls_to_aws: CallsSince
) -> None:
    body = {"sessionId": "read"}
    session_token(session(stack, shop, shop.proof("read"), body), 201)
    calls_to_aws()

    session_token(session(stack, shop, shop.proof("read", more="another proof"), body), 200)

    assert calls_to_aws() == ["Query"], "the function's own: a session's token is read each time"


def test_a_decision_from_nothing_costs_one_read_of_the_table(
    stack: Stack, shops: Shops, shop: Shop, calls_to_aws: CallsSince
) -> None:
    session(stack, shop, shop.proof("read"), {"sessionId": "read"})  # whatever a cold start reads
    other = shops.open()
    calls_to_aws()

    # The function ends it, so that all calls are the authorizer's.
    refused_by_function(session(stack, other, other.proof("one"), {"sessionId": "two"}), 403, "forbidden")

    assert calls_to_aws() == ["GetItem", "GetSecretValue"]


# ------------------------------------------------------------------------------------------------------------ scopes


@pytest.mark.parametrize("scope", [["wallet.read"], ["merchant.read", "wallet.read"], ["wallet.read", "wallet.read"]])
def test_a_part_of_the_policys_scopes_may_be_asked_for(
    stack: Stack, control: ControlClient, shops: Shops, scope: list[str]
) -> None:
    shop = shops.open()

    response = session(stack, shop, shop.proof(), {"sessionId": "checkout-1", "scope": scope})

    asked = list(dict.fromkeys(scope))
    assert session_token(response, 201)["scope"] == asked
    [seen] = control.requests("chicksx")
    assert seen["body"]["scope"] == asked


def test_an_empty_scope_asks_for_exactly_the_policys(stack: Stack, control: ControlClient, shops: Shops) -> None:
    """Not for what ChicksX would choose."""
    shop = shops.open()
    shops.put_policy(shop, shop.policy(sessions={**shop.sessions(), "scopes": ["wallet.read"]}))

    token = session_token(session(stack, shop, shop.proof(), {"sessionId": "checkout-1", "scope": []}), 201)

    [seen] = control.requests("chicksx")
    assert seen["body"]["scope"] == ["wallet.read"] == token["scope"]


@pytest.mark.parametrize(
    "scope", [["wallet.write"], ["wallet.read", "wallet.write"], ["wallet.*"], ["*"], ["Wallet.read"], ["wallet.read,"]]
)
def test_a_scope_beyond_the_policy_is_refused_and_nothing_is_made(
    stack: Stack, control: ControlClient, shop: Shop, scope: list[str]
) -> None:
    response = session(stack, shop, shop.proof("wide"), {"sessionId": "wide", "scope": scope}, origin=shop.origin)

    refused_by_function(response, 403, "forbidden", shop.origin)
    assert control.requests() == []


@pytest.mark.parametrize("scope", [None, ["wallet.read"]])
def test_a_token_that_the_backend_got_with_more_scopes_is_not_handed_over(
    stack: Stack, control: ControlClient, shops: Shops, scope: list[str] | None
) -> None:
    shop = shops.open()
    wide = {"sessionId": "wide", "scope": ["wallet.read", "wallet.write"]}
    theirs = token_of(stack.call("POST", CHICKSX.format(merchant=shop.name), wide), 201)
    control.forget_requests()

    body = {"sessionId": "wide"} if scope is None else {"sessionId": "wide", "scope": scope}
    response = session(stack, shop, shop.proof("wide"), body)

    assert response.status_code in (403, 409)
    assert theirs["accessToken"] not in response.text
    refused_by_function(response, 403 if scope is None else 409, "forbidden" if scope is None else "conflict")
    assert control.requests() == [], "nor is another one made"


def test_a_token_that_the_backend_got_within_the_policy_is_the_sessions(stack: Stack, shop: Shop) -> None:
    body = {"sessionId": "backend", "scope": ["wallet.read"]}
    theirs = token_of(stack.call("POST", CHICKSX.format(merchant=shop.name), body), 201)

    assert session_token(session(stack, shop, shop.proof("backend"), {"sessionId": "backend"}), 200) == theirs


def test_a_provider_that_grants_more_than_was_asked_opens_nothing(
    stack: Stack, control: ControlClient, shop: Shop, minted: ProviderToken
) -> None:
    patch = {"data": {"scopes": ["wallet.read", "wallet.write"], "scope": ["wallet.read", "wallet.write"]}}
    control.fault("chicksx", "answer_override", patch=patch)

    first = session(stack, shop, shop.proof("generous"), {"sessionId": "generous"})
    again = session(stack, shop, shop.proof("generous"), {"sessionId": "generous"})

    assert [each["sessionId"] for each in minted(shop.name)].count("generous") == 1
    for response in (first, again):
        refused_by_function(response, 403, "forbidden")


# ---------------------------------------------------------------------------------------------------- whose session


@pytest.mark.parametrize(
    "other", ["checkout-2", "checkout-1 ", "CHECKOUT-1", "checkout-\uff11", "checkout-1\u200b", "session:checkout-1"]
)
def test_the_proof_of_one_session_is_none_for_another(
    stack: Stack, control: ControlClient, shop: Shop, other: str
) -> None:
    response = session(stack, shop, shop.proof("checkout-1"), {"sessionId": other}, origin=shop.origin)

    refused_by_function(response, 403, "forbidden", shop.origin)
    assert control.requests() == []


def test_the_proof_of_one_merchant_is_none_for_another(stack: Stack, control: ControlClient, shops: Shops) -> None:
    one, other = shops.open(), shops.open()
    body = {"sessionId": "checkout-1"}

    refused_by_gateway(session(stack, other, one.proof(), body), 401, "unauthenticated")
    # Even where it says that the other has signed it: the key is the other's own.
    forged = hs256(other.claims(), one.key, kid=KID)
    refused_by_gateway(session(stack, other, forged, body), 401, "unauthenticated")

    assert control.requests() == []
    session_token(session(stack, other, other.proof(), body), 201)


def test_a_page_of_another_origin_gets_nothing_with_a_good_proof(
    stack: Stack, control: ControlClient, shop: Shop
) -> None:
    for origin in ("null", f"{shop.origin}.evil.com", f"{shop.origin}:8443", "https://EVIL.example"):
        response = session(stack, shop, shop.proof("stolen"), {"sessionId": "stolen"}, origin=origin)
        refused_by_function(response, 403, "forbidden")

    assert control.requests() == []


@pytest.mark.parametrize("members", [{"sessions": None}, None], ids=["without sessions", "without a policy"])
def test_a_proof_opens_nothing_where_the_policy_takes_none(
    stack: Stack, control: ControlClient, shops: Shops, members: dict[str, Any] | None
) -> None:
    shop = shops.closed() if members is None else shops.open(**members)

    response = session(stack, shop, shop.proof(), {"sessionId": "checkout-1"}, origin=shop.origin)

    refused_by_gateway(response, 401, "unauthenticated")
    assert control.requests() == []


# ---------------------------------------------------------------------------------------------------------- the keys


def test_with_one_key_a_proof_need_not_name_it(stack: Stack, shops: Shops) -> None:
    shop = shops.open()
    nameless = hs256(shop.claims(), shop.key)

    session_token(session(stack, shop, nameless, {"sessionId": "checkout-1"}), 201)


def test_keys_can_be_changed_without_an_interruption(
    stack: Stack, aws: Aws, control: ControlClient, shops: Shops
) -> None:
    """The second key works as soon as it is in the secret, and the first no longer once it was taken out."""
    shop, second = shops.open(), shops.new_key()
    body = {"sessionId": "checkout-1"}
    session_token(session(stack, shop, shop.proof(), body), 201)

    shops.change_keys(shop, {KID: shop.key, "second": second})
    by_second = hs256(shop.claims(), second, kid="second")
    session_token(session(stack, shop, by_second, body), 200)
    session_token(session(stack, shop, shop.proof(), body), 200)

    shops.change_keys(shop, {"second": second})
    renew(aws("lambda"), stack.described["functions"]["storefronts/proof_authorizer"])  # which remembers a key for 30 s
    nameless = hs256(shop.claims(), shop.key)
    refused_by_gateway(session(stack, shop, nameless, body), 401, "unauthenticated")
    refused_by_gateway(session(stack, shop, shop.proof(), body), 401, "unauthenticated")
    session_token(session(stack, shop, by_second, body), 200)


@pytest.mark.parametrize("secret", [None, '{"keys": {"first": "short"}}'], ids=["missing", "too short a key"])
def test_without_a_usable_key_nothing_is_a_proof(
    stack: Stack, control: ControlClient, shops: Shops, secret: str | None
) -> None:
    shop = shops.open()
    if secret is None:
        shops.merchants.manager.delete_secret(
            SecretId=shops.merchants.secret_name("storefront-proof", shop.name), ForceDeleteWithoutRecovery=True
        )
    else:
        shops.merchants.rewrite("storefront-proof", shop.name, secret)

    response = session(stack, shop, shop.proof(), {"sessionId": "checkout-1"}, origin=shop.origin)

    refused_by_gateway(response, 401, "unauthenticated")
    assert control.requests() == []


# ---------------------------------------------------------------------------------------------------------- the body


BODIES = {
    "nothing": b"",
    "no session": b"{}",
    "null": b'{"sessionId":null}',
    "a number": b'{"sessionId":1}',
    "a list": b'{"sessionId":["checkout-1"]}',
    "an object": b'{"sessionId":{"sessionId":"checkout-1"}}',
    "twice": b'{"sessionId":"checkout-2","sessionId":"checkout-1"}',
    "twice, once escaped": b'{"sessionId":"checkout-2","\\u0073essionId":"checkout-1"}',
    "in another case": b'{"SessionId":"checkout-1"}',
    "a merchant": b'{"sessionId":"checkout-1","merchant":"demo"}',
    "a grant": b'{"sessionId":"checkout-1","grant":{"scopes":["*"]}}',
    "a prototype": b'{"sessionId":"checkout-1","__proto__":{"scope":["*"]}}',
    "a scope that is a text": b'{"sessionId":"checkout-1","scope":"wallet.read"}',
    "a scope that is null": b'{"sessionId":"checkout-1","scope":null}',
    "51 scopes": b'{"sessionId":"checkout-1","scope":[%s]}' % b",".join(b'"s%d"' % number for number in range(51)),
    "a control character": b'{"sessionId":"checkout-1\\u0000"}',
    "half a surrogate pair": b'{"sessionId":"\\ud83c"}',
    "257 characters": b'{"sessionId":"%s"}' % (b"x" * 257),
    "more than 16 KB": b'{"sessionId":"checkout-1"' + b" " * 16 * 1024 + b"}",
    "deeply nested": b'{"sessionId":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "two documents": b'{"sessionId":"checkout-1"}{"sessionId":"checkout-1"}',
    "an array": b'[{"sessionId":"checkout-1"}]',
    "a form": b"sessionId=checkout-1",
    "a byte order mark": b'\xef\xbb\xbf{"sessionId":"checkout-1"}',
    "UTF-16": '{"sessionId":"checkout-1"}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_right_is_refused_and_nothing_is_made(
    stack: Stack, control: ControlClient, shop: Shop, body: bytes
) -> None:
    response = session(stack, shop, shop.proof(), body, origin=shop.origin)

    refused_by_function(response, 400, "invalid_request", shop.origin)
    assert control.requests() == []


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_the_type_of_the_body_makes_no_form_out_of_it(
    stack: Stack, control: ControlClient, shop: Shop, kind: str
) -> None:
    """A page may send these to another origin without a preflight; the proof is in a header, so it needs one still."""
    form = session(stack, shop, shop.proof(), b"sessionId=checkout-1", headers={"Content-Type": kind})

    refused_by_function(form, 400, "invalid_request")
    assert control.requests() == []


def test_the_query_names_neither_session_nor_merchant(stack: Stack, control: ControlClient, shop: Shop) -> None:
    for query in ("sessionId=checkout-1", "merchant=demo", "scope=wallet.read", "access_token=x"):
        path = f"{shop.name}/chicksx/public-tokens?{query}"
        response = requests.post(
            f"{stack.api_url}/storefront/{path}",
            headers={"Authorization": f"Bearer {shop.proof()}"},
            json={"sessionId": "checkout-1"},
            timeout=20,
        )
        refused_by_function(response, 400, "invalid_request")

    assert control.requests() == []


def test_what_chicksx_says_about_a_failure_is_not_for_storefronts(
    stack: Stack, control: ControlClient, shop: Shop
) -> None:
    ask = functools.partial(session, stack, shop, shop.proof("down"), {"sessionId": "down"}, origin=shop.origin)

    control.fault("chicksx", "status", status=429, headers={"Retry-After": "7"}, times=3)
    throttled = ask()
    control.forget_faults()
    control.fault("chicksx", "status", status=400, body={"code": "X", "message": "canary-of-the-provider"})
    refused = ask()

    refused_by_function(throttled, 503, "provider_throttled", shop.origin)
    refused_by_function(refused, 502, "provider_error", shop.origin)
    assert "canary" not in refused.text
    session_token(ask(), 201, shop.origin)
