"""The way in for servers and native apps: whose an event is, and the headers of each answer."""

import json
from typing import Any

import pytest

from tests.fakes.events import CALLER, storefront_event
from tests.fakes.samples import token
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.client import ClientAdapter
from token_broker.entrypoints.inputs import GetShopToken
from token_broker.entrypoints.storefront import MAX_AGE
from token_broker.errors import InvalidRequest, MerchantMisconfigured, MintInProgress, Unauthenticated

SHOP = "https://shop.example"
CLIENT = Grant(merchant="acme", client_until=1)
PAGE = Grant(merchant="acme", origins=(SHOP,))
SESSION = Grant(merchant="acme", session_id="s-1", expires_at=1, scopes=("wallet.read",))
ALWAYS = {"X-Content-Type-Options": "nosniff", "Vary": "Authorization", "X-Request-Id": "gateway-request-1"}


def adapter(context: Any = None, **event: Any) -> ClientAdapter:
    """Build the adapter of a client's request, which may name an origin as a page does."""
    headers = {"Origin": [SHOP], **event.pop("headers", {})}
    admitted = CLIENT.as_context() if context is None else context
    return ClientAdapter(storefront_event(route="clients", headers=headers, authorizer=admitted, **event))


def test_the_grant_is_what_the_authorizer_passed_on() -> None:
    assert adapter().grant() == CLIENT
    assert adapter().caller() == "client"


@pytest.mark.parametrize(
    "context",
    [{}, {"merchant": "acme"}, PAGE.as_context(), SESSION.as_context(), {**CLIENT.as_context(), "clientUntil": "x"}],
    ids=["nobody", "no end", "page", "session", "odd end"],
)
def test_who_is_no_client_gets_nothing_and_a_signature_does_not_help(context: Any) -> None:
    event = storefront_event(route="clients", authorizer=context)
    event["requestContext"]["identity"] = {"userArn": CALLER, "accessKey": "AKIA"}

    with pytest.raises(Unauthenticated):
        ClientAdapter(event).grant()


@pytest.mark.parametrize("event", [{"query": {"merchant": ["victim"]}}, {"body": {"fresh": True}}])
def test_a_client_says_its_merchant_in_the_path_and_nothing_else(event: dict[str, Any]) -> None:
    assert adapter(headers={"Cache-Control": ["no-cache"]}).raw_fields(GetShopToken) == {"merchant": "acme"}
    with pytest.raises(InvalidRequest):
        adapter(**event).raw_fields(GetShopToken)


def test_only_the_clients_own_cache_may_keep_a_token_and_no_page_may_read_it() -> None:
    answer = adapter().respond(Reply(token(), 200))
    tag = answer["headers"].pop("ETag")

    assert answer["headers"] == {
        **ALWAYS,
        "Content-Type": "application/json",
        "Cache-Control": f"private, max-age={MAX_AGE}",
    }
    assert json.loads(answer["body"]) == token().as_json()
    assert adapter(headers={"If-None-Match": [tag]}).respond(Reply(token(), 200))["statusCode"] == 304


def test_a_refusal_is_never_kept_and_tells_nothing_of_the_merchants_account() -> None:
    answer = adapter().reject(MerchantMisconfigured("The field 'shop' is wrong."))

    assert answer["headers"] == {
        **ALWAYS,
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
    }
    assert "shop" not in json.loads(answer["body"])["detail"]
    assert adapter().reject(MintInProgress())["headers"]["Retry-After"] == "1"
