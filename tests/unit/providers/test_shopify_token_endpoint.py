"""Shopify's token endpoint: what is sent for a pair, what is accepted, and what each refusal means."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fakes.lines import Line
from tests.fakes.shopify import EXCHANGED
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
from token_broker.providers.shopify.account import account_of, with_app
from token_broker.providers.shopify.refusals import AppNotInstalled, InvalidClient, ShopNotPermitted
from token_broker.providers.shopify.token_endpoint import TokenEndpoint

REFRESH_TOKEN = "shprt_sent-to-shopify"
PUBLIC = {"shop": "acme.myshopify.com", "app": "my-app", "refreshToken": "shprt_of-the-operator"}
PERMANENT = {"shop": "acme.myshopify.com", "app": "my-app", "adminAccessToken": "shpat_permanent"}
APP = {"clientId": "client-1", "clientSecret": "shpss_new", "previousClientSecret": "shpss_old"}
PAIR = {
    "access_token": "shpat_next",
    "expires_in": 3600,
    "refresh_token": "shprt_next",
    "refresh_token_expires_in": 7776000,
    "scope": "write_products",
}
INVALID_CLIENT = json_answer(400, {"error": "invalid_client", "error_description": "Client authentication failed"})


def account(secret: dict[str, Any] = PUBLIC, app: dict[str, Any] = APP) -> Account:
    found = account_of("acme", secret, version="2026-10")
    return with_app(found, app) if found.app else found


def refresh(line: Line, **app: Any) -> CredentialPair:
    endpoint = TokenEndpoint(line.http, "https://{shop}")
    return endpoint.refresh(account(app={**APP, **app}), REFRESH_TOKEN, line.deadline)


def sent(line: Line) -> list[dict[str, str]]:
    forms = [parse_qs((request.body or b"").decode()) for request in line.transport.requests]
    return [{name: value for name, [value] in form.items()} for form in forms]


def test_a_refresh_sends_the_app_and_the_refresh_token() -> None:
    line = Line(json_answer(200, PAIR))

    pair = refresh(line)

    assert line.request.url == "https://acme.myshopify.com/admin/oauth/access_token"
    assert sent(line) == [
        {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH_TOKEN,
            "client_id": "client-1",
            "client_secret": "shpss_new",
        }
    ]
    now = int(line.clock.now())
    assert pair == CredentialPair("shpat_next", "shprt_next", now, now + 3600, now + 7776000, origin=account().origin)


def test_an_exchange_sends_the_permanent_token() -> None:
    line = Line(json_answer(200, PAIR))

    TokenEndpoint(line.http, "https://{shop}").exchange(account(PERMANENT), line.deadline)

    [form] = sent(line)
    offline = "urn:shopify:params:oauth:token-type:offline-access-token"
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "shpat_permanent",
        "subject_token_type": offline,
        "requested_token_type": offline,
        "expiring": "1",
        "client_id": "client-1",
        "client_secret": "shpss_new",
    }


@pytest.mark.parametrize("seconds", [0, -3600])
def test_a_repeated_answer_can_have_an_access_token_that_has_ended(seconds: int) -> None:
    line = Line(json_answer(200, {**PAIR, "expires_in": seconds}))

    assert refresh(line).access_ends_at == int(line.clock.now())


def test_the_previous_client_secret_is_used_if_the_new_one_is_rejected() -> None:
    line = Line(INVALID_CLIENT, json_answer(200, PAIR))

    refresh(line)

    assert [form["client_secret"] for form in sent(line)] == ["shpss_new", "shpss_old"]


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
    line = Line(unknown, json_answer(200, PAIR))

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

    with pytest.raises(ProviderError):
        refresh(Line(bad, bad))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (INVALID_CLIENT, InvalidClient),
        (json_answer(400, {"error": "shop_not_permitted"}), ShopNotPermitted),
        (json_answer(400, {"error": "app_not_installed"}), AppNotInstalled),
        (json_answer(400, {"error": "something_new"}), ProviderRejectedCredentials),
        (json_answer(400, {"error": "invalid_grant"}), RefreshTokenRefused),
        (json_answer(401, {"error": "invalid_request"}), RefreshTokenRefused),
        (json_answer(400, {"error": "invalid_request"}), ProviderRejectedCredentials),
        (answer(401), ProviderRejectedCredentials),
        (answer(402), ShopUnavailable),
        (answer(404), ProviderError),
        (answer(429, retry_after="30"), ProviderThrottled),
        (answer(430, "Shopify Security Rejection"), ProviderThrottled),
        (answer(500), ProviderUnavailable),
    ],
)
def test_each_refusal_of_a_refresh_has_its_error(said: Step, kind: type[Exception]) -> None:
    with pytest.raises(kind) as refused:
        refresh(Line(*[said] * 3))

    assert type(refused.value) is kind


def test_a_permanent_token_that_is_not_exchanged() -> None:
    line = Line(json_answer(400, {"error": "invalid_subject_token"}))

    with pytest.raises(PermanentTokenRefused):
        TokenEndpoint(line.http, "https://{shop}").exchange(account(PERMANENT), line.deadline)


@pytest.mark.parametrize("value", [REFRESH_TOKEN, "shpss_new", "shprt_of-the-operator"])
def test_a_refusal_that_repeats_a_value_is_cleared_of_it(value: str) -> None:
    said = json_answer(400, {"error": "something_new", "error_description": f"{value} is wrong"})

    with pytest.raises(ProviderFailure) as refused:
        refresh(Line(said))

    assert value not in str(refused.value.problem("r"))


def test_the_origin_names_what_the_pair_comes_from() -> None:
    """A changed client secret keeps the pair, since its refresh token stays valid."""
    changed = {"clientSecret": "shpss_newer"}
    alone = {name: APP[name] for name in ("clientId", "clientSecret")}
    same = account({"shop": PUBLIC["shop"], "refreshToken": PUBLIC["refreshToken"], **alone})

    assert account(app={**APP, **changed}).origin == same.origin == account().origin != ""
    assert account({**PUBLIC, "refreshToken": "shprt_other"}).origin != account().origin
    assert account({**PUBLIC, "shop": "other.myshopify.com"}).origin != account().origin
    assert account(EXCHANGED).origin == account({"shop": PUBLIC["shop"], "app": "my-app"}).origin == ""
