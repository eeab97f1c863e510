"""The way in for browsers and apps: whose an event is, what a storefront may say, and the headers of each answer."""

import json
from typing import Any

import pytest

from tests.fakes.events import CALLER, storefront_event
from tests.fakes.samples import token
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.inputs import GetSessionToken, GetShopToken, Input, read
from token_broker.entrypoints.storefront import EXPOSED_HEADERS, MAX_AGE, StorefrontAdapter
from token_broker.errors import (
    BrokerError,
    Conflict,
    Forbidden,
    InvalidRequest,
    MerchantMisconfigured,
    MerchantNotFound,
    MintInProgress,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderReply,
    Unauthenticated,
)

SHOP, SECOND = "https://shop.example", "https://app.shop.example:8443"
PAGE = Grant(merchant="acme", origins=(SHOP, SECOND))
SESSION = Grant(merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=1, scopes=("wallet.read",))
#: What no page of the merchants sends.
STRANGERS = [
    "https://shop.example.evil.example",
    "https://SHOP.example",
    "http://shop.example",
    "null",
    f"{SHOP} {SECOND}",
    "*",
]
ALWAYS = {"X-Content-Type-Options": "nosniff", "Vary": "Origin", "X-Request-Id": "gateway-request-1"}
READABLE = {"Access-Control-Allow-Origin": SHOP, "Access-Control-Expose-Headers": EXPOSED_HEADERS}


def adapter(origin: str | None = SHOP, *, grant: Grant = PAGE, **event: Any) -> StorefrontAdapter:
    """Build the adapter of a page's request."""
    headers = {**({} if origin is None else {"Origin": [origin]}), **event.pop("headers", {})}
    context = {**grant.as_context(), "principalId": "storefront", "integrationLatency": 12}
    return StorefrontAdapter(storefront_event(headers=headers, authorizer=context, **event))


def posted(origin: str | None = SHOP, **event: Any) -> StorefrontAdapter:
    """Build the adapter of a session's request."""
    given = {"operation": "chicksx/public-tokens", "method": "POST", "grant": SESSION, **event}
    return adapter(origin, **given)


# What it may have


def test_the_grant_is_what_the_authorizer_passed_on() -> None:
    assert adapter().grant() == PAGE
    assert posted().grant() == SESSION


@pytest.mark.parametrize(
    "context", [None, {}, [], {"principalId": "storefront"}, {**SESSION.as_context(), "scopes": 7}]
)
def test_without_a_whole_context_nobody_is_known_and_nobody_reads_the_answer(context: Any) -> None:
    """A signature does not stand in for an authorizer."""
    event = storefront_event(headers={"Origin": [SHOP]}, authorizer=context)
    event["requestContext"]["identity"] = {"userArn": CALLER, "accessKey": "AKIA"}

    with pytest.raises(Unauthenticated) as refused:
        StorefrontAdapter(event).grant()
    answer = StorefrontAdapter(event).reject(refused.value)

    assert answer["statusCode"] == 401
    assert answer["headers"] == {**ALWAYS, "Content-Type": "application/problem+json", "Cache-Control": "no-store"}


@pytest.mark.parametrize("origin", [SHOP, SECOND, None])
def test_a_page_of_the_merchants_is_named_alone_and_an_app_without_an_origin_let_through(origin: str | None) -> None:
    assert adapter(origin).grant() == PAGE
    assert adapter(origin).reject(Conflict("No."))["headers"].get("Access-Control-Allow-Origin") == origin


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_page_of_somebody_elses_is_not(origin: str) -> None:
    """The authorizer admits a session with its proof, and passes on no origin."""
    with pytest.raises(Forbidden, match="origin"):
        posted(origin).grant()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": [SHOP, SHOP]}, {"Origin": ["https://evil.example", SHOP]}, {"Origin": [SHOP], "origin": [SHOP]}],
)
def test_an_origin_that_came_twice_is_no_origin_of_the_merchants(headers: dict[str, list[str]]) -> None:
    twice = posted(None, headers=headers)

    with pytest.raises(Forbidden):
        twice.grant()
    assert "Access-Control-Allow-Origin" not in twice.reject(Forbidden("No."))["headers"]


def test_a_clients_proof_opens_no_route_of_storefronts() -> None:
    with pytest.raises(Forbidden):
        adapter(None, grant=Grant(merchant="acme", client_until=1)).grant()


def test_who_asked_is_recorded_by_its_origin() -> None:
    assert adapter().caller() == f"storefront {SHOP}"
    assert adapter(None).caller() == "storefront without an origin"


# What it may say


@pytest.mark.parametrize("value", ["no-cache", "max-age=0, no-cache", "no-store", "x" * 300])
def test_a_browser_cannot_pass_the_caches_by(value: str) -> None:
    """A reload would ask the provider each time."""
    given = adapter(headers={"Cache-Control": [value], "Pragma": ["no-cache"]}).raw_fields(GetShopToken)

    assert given == {"merchant": "acme"}
    assert not read(GetShopToken, given).fresh


def test_a_session_and_its_scopes_come_from_the_body() -> None:
    given = posted(body={"sessionId": "s-1", "scope": ["wallet.read"]}).raw_fields(GetSessionToken)

    assert given == {"merchant": "acme", "sessionId": "s-1", "scope": ["wallet.read"]}


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (GetShopToken, {"query": {"merchant": ["victim"]}}),
        (GetShopToken, {"query": {"cacheControl": ["no-cache"]}}),
        (GetShopToken, {"body": {"merchant": "victim"}}),
        (GetShopToken, {"body": {"fresh": True}}),
        (GetSessionToken, {"body": {"sessionId": "s-1", "merchant": "victim"}}),
        (GetSessionToken, {"body": {"sessionId": "s-1", "caller": "me"}}),
        (GetSessionToken, {"query": {"sessionId": ["s-1"]}}),
    ],
)
def test_nothing_else_may_be_said(kind: type[Input], event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="takes these fields and no others"):
        adapter(**event).raw_fields(kind)


# What it answers


def test_a_shops_token_may_be_kept_for_a_short_time_by_its_tag() -> None:
    answer = adapter().respond(Reply(token(title="Ü😀"), 200))

    tag = answer["headers"].pop("ETag")
    assert answer["headers"] == {
        **ALWAYS,
        **READABLE,
        "Content-Type": "application/json",
        "Cache-Control": f"public, max-age={MAX_AGE}",
    }
    assert tag.startswith('"')
    assert tag.endswith('"')
    assert json.loads(answer["body"]) == token(title="Ü😀").as_json()
    assert 0 < MAX_AGE <= 30, "no longer than a function keeps it"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', ' W/{} , W/"x"', "*"])
def test_a_browser_that_has_it_already_is_told_so_without_a_body(form: str) -> None:
    whole = adapter().respond(Reply(token(), 200))
    again = adapter(headers={"If-None-Match": [form.format(whole["headers"]["ETag"])]}).respond(Reply(token(), 200))

    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"] == whole["headers"]


@pytest.mark.parametrize("sent", ['"other"', "", "other", 'W/"other", "and another"'])
def test_a_browser_that_has_something_else_gets_the_token(sent: str) -> None:
    answer = adapter(headers={"If-None-Match": [sent]}).respond(Reply(token(), 200))

    assert answer["statusCode"] == 200
    assert answer["body"]
    tags = {adapter().respond(Reply(each, 200))["headers"]["ETag"] for each in (token(), token(), token("1002"))}
    assert len(tags) == 2, "the same for the same token and another for another"


@pytest.mark.parametrize("status", [200, 201])
def test_a_sessions_token_is_never_kept(status: int) -> None:
    answer = posted(headers={"If-None-Match": ['"x"']}).respond(Reply(token(), status))

    assert answer["statusCode"] == status
    assert answer["headers"] == {**ALWAYS, **READABLE, "Content-Type": "application/json", "Cache-Control": "no-store"}


@pytest.mark.parametrize("given", [adapter(), posted()])
def test_a_refusal_is_never_kept_may_be_read_by_the_page_and_says_when_to_come_again(given: StorefrontAdapter) -> None:
    error = MintInProgress()

    answer = given.reject(error)

    assert answer["headers"] == {
        **ALWAYS,
        **READABLE,
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "Retry-After": "1",
    }
    assert json.loads(answer["body"]) == error.problem("gateway-request-1")


def test_a_storefront_is_not_told_what_the_provider_said() -> None:
    error = ProviderError("Refused.", reply=ProviderReply(400, "BAD_KEY", "the key of account 7 is bad"))

    problem = json.loads(adapter().reject(error)["body"])

    assert "provider" not in problem
    assert "provider" in error.problem("r"), "a merchant's backend is told"


@pytest.mark.parametrize("origin", [*STRANGERS, None])
def test_another_page_is_never_named(origin: str | None) -> None:
    given = adapter(origin)
    for answer in (given.respond(Reply(token(), 200)), given.reject(Forbidden("No."))):
        assert [name for name in answer["headers"] if name.startswith("Access-Control")] == []
        assert answer["headers"]["Vary"] == "Origin"


@pytest.mark.parametrize(
    "error",
    [
        MerchantNotFound("There is no shopify secret for the merchant 'acme'."),
        MerchantMisconfigured("The field 'shop' is wrong."),
        ProviderRejectedCredentials("Put valid credentials into the secret."),
    ],
)
def test_a_storefront_is_not_told_how_the_merchant_is_set_up(error: BrokerError) -> None:
    answer = adapter().reject(error)

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (error.status, error.code)
    assert "secret" not in problem["detail"]
    assert "shop" not in problem["detail"]
    assert "operator" in problem["detail"]
