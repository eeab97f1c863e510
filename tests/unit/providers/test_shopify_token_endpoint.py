"""Shopify's token endpoint: what each grant sends, what is accepted, and what each refusal means."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fakes.shopify import EXCHANGED, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.credential_pair import CredentialPair
from token_broker.errors import (
    PermanentTokenRefused,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    ShopUnavailable,
)
from token_broker.http.client import Interrupted
from token_broker.ports.provider import Account, RefreshTokenRefused
from token_broker.providers.shopify.refusals import AppNotInstalled, InvalidClient, ShopNotPermitted
from token_broker.providers.shopify.token_endpoint import TokenEndpoint

REFRESH_TOKEN = "sent-to-shopify"  # without the shape of a token
PUBLIC = {"shop": "acme.myshopify.com", "app": "my-app", "refreshToken": "shprt_of-the-operator"}
PERMANENT = {"shop": "acme.myshopify.com", "app": "my-app", "adminAccessToken": "shpat_permanent"}
APP = {"clientId": "client-1", "clientSecret": "shpss_a&b=c d", "previousClientSecret": "shpss_old"}
PAIR = {
    "access_token": "shpat_next",
    "expires_in": 3600,
    "refresh_token": "shprt_next",
    "refresh_token_expires_in": 7776000,
    "scope": "write_products",
}
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"


def account(secret: dict[str, Any] = PUBLIC, app: dict[str, Any] = APP) -> Account:
    shopify = ShopifyLine().shopify
    found = shopify.account("acme", secret)
    return shopify.with_app(found, app) if found.app else found


def refresh(line: ShopifyLine) -> CredentialPair:
    return line.shopify.refresh(account(), REFRESH_TOKEN, line.deadline)


def exchange(line: ShopifyLine) -> CredentialPair:
    return line.shopify.exchange(account(PERMANENT), line.deadline)


def client_credentials(line: ShopifyLine) -> object:
    return TokenEndpoint(line.http, "https://{shop}").client_credentials(account(PERMANENT), line.deadline)


type Grant = Callable[[ShopifyLine], object]
by_grant = pytest.mark.parametrize("grant", [refresh, exchange, client_credentials])


def refusal(*said: Step, grant: Grant) -> Exception:
    with pytest.raises((ProviderFailure, RefreshTokenRefused)) as refused:
        grant(ShopifyLine(*said))
    return refused.value


def refused_by(code: str, status: int = 400, words: str = "Not this shop") -> Step:
    return json_answer(status, {"error": code, "error_description": words})


def sent(line: ShopifyLine) -> list[dict[str, str]]:
    forms = [parse_qs((request.body or b"").decode()) for request in line.transport.requests]
    return [{name: value for name, [value] in form.items()} for form in forms]


@pytest.mark.parametrize(
    ("grant", "form"),
    [
        (refresh, {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}),
        (
            exchange,
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": "shpat_permanent",
                "subject_token_type": OFFLINE,
                "requested_token_type": OFFLINE,
                "expiring": "1",
            },
        ),
        (client_credentials, {"grant_type": "client_credentials"}),
    ],
)
def test_a_grant_is_a_form_with_the_app(grant: Grant, form: dict[str, str]) -> None:
    line = ShopifyLine(json_answer(200, PAIR))

    grant(line)

    assert (line.request.method, line.request.url) == ("POST", "https://acme.myshopify.com/admin/oauth/access_token")
    assert line.request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert sent(line) == [{**form, "client_id": "client-1", "client_secret": "shpss_a&b=c d"}]


def test_a_pair_has_its_times_and_its_origin() -> None:
    line = ShopifyLine(json_answer(200, PAIR))
    now = int(line.clock.now())

    pair = refresh(line)

    assert pair == CredentialPair("shpat_next", "shprt_next", now, now + 3600, now + 7776000, origin=account().origin)


@pytest.mark.parametrize("seconds", [0, -3600])
def test_a_repeated_answer_can_have_an_access_token_that_has_ended(seconds: int) -> None:
    line = ShopifyLine(json_answer(200, {**PAIR, "expires_in": seconds}))

    assert refresh(line).access_ends_at == int(line.clock.now())


@by_grant
def test_the_previous_client_secret_is_used_if_the_new_one_is_rejected(grant: Grant) -> None:
    line = ShopifyLine(refused_by("invalid_client"), json_answer(200, PAIR))

    grant(line)

    assert [form["client_secret"] for form in sent(line)] == ["shpss_a&b=c d", "shpss_old"]


@pytest.mark.parametrize(
    "unknown",
    [
        Interrupted("It broke off."),
        answer(500),
        answer(520, "<html>"),
        json_answer(200, {**PAIR, "expires_in": None}),
        answer(200, "<html>"),
    ],
)
def test_after_an_unknown_outcome_the_same_refresh_token_is_sent_again(unknown: Step) -> None:
    line = ShopifyLine(unknown, json_answer(200, PAIR))

    assert refresh(line).access_token == "shpat_next"
    assert [form["refresh_token"] for form in sent(line)] == [REFRESH_TOKEN] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_in": None},
        {"expires_in": "3600"},
        {"refresh_token": None},
        {"access_token": "a b"},
        {"refresh_token_expires_in": -1},
    ],
)
def test_a_pair_without_what_it_needs_is_not_accepted(changes: dict[str, Any]) -> None:
    bad = json_answer(200, {**PAIR, **changes})

    assert isinstance(refusal(bad, bad, grant=refresh), ProviderError)


@by_grant
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (refused_by("invalid_client"), InvalidClient),
        (refused_by("shop_not_permitted"), ShopNotPermitted),
        (refused_by("app_not_installed"), AppNotInstalled),
        (refused_by("something_new"), ProviderRejectedCredentials),
        (refused_by("invalid_request"), ProviderRejectedCredentials),
        (refused_by("unauthorized_client", 401), ProviderRejectedCredentials),
        (json_answer(400, {"error": 7}), ProviderRejectedCredentials),
        (answer(400, "<html>"), ProviderRejectedCredentials),
        (answer(403), ProviderRejectedCredentials),
        (answer(402), ShopUnavailable),
        (answer(404), ProviderError),
        (answer(429, retry_after="30"), ProviderThrottled),
        (answer(430, "Shopify Security Rejection"), ProviderThrottled),
        (answer(500), ProviderUnavailable),
    ],
)
def test_each_refusal_has_its_error(grant: Grant, said: Step, kind: type[Exception]) -> None:
    assert type(refusal(*[said] * 3, grant=grant)) is kind


@pytest.mark.parametrize(
    ("grant", "code", "status", "kind"),
    [
        (refresh, "invalid_grant", 400, RefreshTokenRefused),
        (refresh, "invalid_request", 401, RefreshTokenRefused),
        (refresh, "invalid_subject_token", 400, ProviderRejectedCredentials),
        (exchange, "invalid_subject_token", 400, PermanentTokenRefused),
        (exchange, "invalid_grant", 400, ProviderRejectedCredentials),
        (client_credentials, "invalid_request", 401, ProviderRejectedCredentials),
    ],
)
def test_a_refused_token_has_the_error_of_its_grant(
    grant: Grant, code: str, status: int, kind: type[Exception]
) -> None:
    assert type(refusal(refused_by(code, status), grant=grant)) is kind


@by_grant
def test_shopifys_words_are_passed_on(grant: Grant) -> None:
    refused = refusal(refused_by("something_new"), grant=grant)

    assert isinstance(refused, ProviderFailure)
    assert refused.problem("r")["provider"] == {"status": 400, "code": "something_new", "message": "Not this shop"}


@pytest.mark.parametrize(
    ("grant", "value"),
    [
        *((refresh, value) for value in (REFRESH_TOKEN, "shprt_of-the-operator", "client-1", "shpss_a&b=c d")),
        (exchange, "shpat_permanent"),
    ],
)
def test_a_refusal_that_repeats_a_value_is_cleared_of_it(grant: Grant, value: str) -> None:
    refused = refusal(refused_by(value, words=f"{value} is wrong"), grant=grant)

    assert isinstance(refused, ProviderFailure)
    assert value not in str(refused.problem("r"))


def test_the_origin_names_what_the_pair_comes_from() -> None:
    """A changed client secret keeps the pair, since its refresh token stays valid."""
    alone = {name: APP[name] for name in ("clientId", "clientSecret")}
    same = account({"shop": PUBLIC["shop"], "refreshToken": PUBLIC["refreshToken"], **alone})

    assert account(app={**APP, "clientSecret": "shpss_newer"}).origin == same.origin == account().origin != ""
    assert account({**PUBLIC, "refreshToken": "shprt_other"}).origin != account().origin
    assert account({**PUBLIC, "shop": "other.myshopify.com"}).origin != account().origin
    assert account(EXCHANGED).origin == account({"shop": PUBLIC["shop"], "app": "my-app"}).origin == ""
