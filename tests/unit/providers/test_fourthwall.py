"""Fourthwall's client: what it makes of every answer, lies included. The documented ones are in tests/contract."""

import base64
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fakes.lines import Line
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.credential_pair import CredentialPair
from token_broker.domain.token import ProviderToken, fingerprint
from token_broker.errors import (
    MerchantMisconfigured,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderReply,
    ProviderThrottled,
    ProviderUnavailable,
)
from token_broker.http.client import Interrupted
from token_broker.ports.provider import MintRequest, RefreshTokenRefused
from token_broker.providers.fourthwall.client import ASSUMED_LIFE, Fourthwall

BASE = "https://api.fourthwall.com"
KEY = {"username": "fw_user", "password": "fw pass:word"}
BEARER = {"accessToken": "oauth-1"}
OAUTH = {"clientId": "client-1", "clientSecret": "fw-secret", "refreshToken": "fw-refresh-1"}
ENCODED = base64.b64encode(b"fw_user:fw pass:word").decode()
TOKEN = json_answer(200, {"token": "ptkn_abc"})


def mint(line: Line, secret: dict[str, Any] = KEY) -> ProviderToken:
    provider = Fourthwall(line.http, BASE)
    return provider.mint(provider.account("acme", secret), MintRequest(), line.deadline)


def failure(*said: Step, secret: dict[str, Any] = KEY) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        mint(Line(*said), secret)
    return raised.value


def test_the_token_is_known_by_its_fingerprint_and_has_no_end() -> None:
    line = Line(TOKEN)

    made = mint(line)

    assert (made.access_token, made.token_type) == ("ptkn_abc", "public_token")
    assert made.token_id == fingerprint("ptkn_abc")
    assert (made.expires_at, made.scope, made.issued_at) == (None, (), int(line.clock.now()))
    assert made.use.as_json() == {
        "in": "query",
        "name": "storefront_token",
        "url": "https://storefront-api.fourthwall.com/v1/",
    }


def test_the_put_is_repeated_after_a_passing_failure() -> None:
    """Asking twice gives the same token."""
    line = Line(Interrupted("It broke off."), answer(503), TOKEN)

    assert mint(line).access_token == "ptkn_abc"


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "<html>Welcome</html>", content_type="text/html"),
        json_answer(200, []),
        json_answer(200, {"token": "ptkn abc"}),
        json_answer(200, {"token": "fw_user"}),
        json_answer(201, {"token": "ptkn_abc"}),
        answer(302, location="https://evil.example"),
    ],
)
def test_an_answer_that_is_none_is_a_provider_error(said: Step) -> None:
    assert isinstance(failure(said), ProviderError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ProviderError), (429, ProviderThrottled), (500, ProviderUnavailable)],
)
def test_a_refusal_passes_the_code_on_also_without_a_message(status: int, kind: type[ProviderFailure]) -> None:
    refused = failure(*[json_answer(status, {"code": "SOME_CODE", "shopId": "sh_1"})] * 3)

    assert type(refused) is kind
    assert refused.problem("r")["provider"] == {"status": status, "code": "SOME_CODE"}


@pytest.mark.parametrize(
    ("secret", "said", "shown"),
    [
        (KEY, "fw_user with fw pass:word: Basic ZndfdXNlcjpmdw==", "[redacted] with [redacted]: [redacted]"),
        (KEY, f"{ENCODED} is wrong", "[redacted] is wrong"),
        (BEARER, "oauth-1 has expired", "[redacted] has expired"),
    ],
)
def test_a_refusal_that_repeats_the_credentials_is_cleared_of_them(
    secret: dict[str, Any], said: str, shown: str
) -> None:
    """The shape of the encoded pair does not give it away: it is short, and without `Basic` before it."""
    refused = failure(json_answer(401, {"message": said}), secret=secret)

    assert refused.problem("r")["provider"]["message"] == shown


@pytest.mark.parametrize("secret", [KEY, BEARER])
def test_all_of_the_secret_are_credentials_and_there_is_nothing_to_invalidate(secret: dict[str, Any]) -> None:
    provider = Fourthwall(Line().http, BASE)
    account = provider.account("acme", secret)

    provider.invalidate_credentials(account)

    assert (account.merchant, account.credentials) == ("acme", secret)
    assert (account.settings, account.account_id) == ({}, "")


@pytest.mark.parametrize(
    "secret", [{}, {"username": "u"}, {**KEY, **BEARER}, {"token": "t"}, {"username": "u", "password": ""}]
)
def test_a_secret_of_another_shape_is_refused(secret: dict[str, Any]) -> None:
    with pytest.raises(MerchantMisconfigured, match="secret fourthwall/acme"):
        Fourthwall(Line().http, BASE).account("acme", secret)


# Expiring credentials


def refreshed(line: Line) -> CredentialPair:
    provider = Fourthwall(line.http, BASE)
    return provider.refresh(provider.account("acme", OAUTH), "fw-refresh-2", line.deadline)


@pytest.mark.parametrize(
    ("changes", "next_token", "lifetime"),
    [
        ({}, "fw-refresh-3", 240),
        ({"refresh_token": None}, "fw-refresh-2", 240),
        ({"expires_in": None}, "fw-refresh-3", ASSUMED_LIFE),
    ],
)
def test_a_refresh_keeps_the_refresh_token_unless_a_new_one_comes(
    changes: dict[str, Any], next_token: str, lifetime: int
) -> None:
    body = {"access_token": "fw-access", "refresh_token": "fw-refresh-3", "expires_in": 240, **changes}

    line = Line(json_answer(200, body))
    pair = refreshed(line)

    assert (line.request.method, line.request.url) == ("POST", f"{BASE}/open-api/v1.0/platform/token")
    assert line.request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert parse_qs((line.request.body or b"").decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["client-1"],
        "client_secret": ["fw-secret"],
        "refresh_token": ["fw-refresh-2"],
    }
    now, origin = int(line.clock.now()), Fourthwall(line.http, BASE).account("acme", OAUTH).origin
    assert pair == CredentialPair("fw-access", next_token, now, now + lifetime, origin=origin)


def test_a_refresh_is_sent_again_after_a_passing_failure() -> None:
    line = Line(Interrupted("It broke off."), json_answer(200, {"access_token": "fw-access"}))

    assert refreshed(line).access_token == "fw-access"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_grant", RefreshTokenRefused),
        (401, "UNAUTHORIZED", RefreshTokenRefused),
        (401, "invalid_client", ProviderRejectedCredentials),
        (400, "invalid_client", ProviderRejectedCredentials),
        (429, "slow_down", ProviderThrottled),
    ],
)
def test_each_refusal_of_a_refresh_has_its_error(status: int, code: str, kind: type[Exception]) -> None:
    said = json_answer(status, {"error": code, "error_description": "words"})

    with pytest.raises((ProviderFailure, RefreshTokenRefused)) as refused:
        refreshed(Line(*[said] * 3))

    failed: Any = refused.value
    assert failed.reply == ProviderReply(status, code, "words")
    assert type(failed) is kind


@pytest.mark.parametrize("body", [{"access_token": 7}, []])
def test_an_answer_without_a_pair_is_a_provider_error(body: Any) -> None:
    with pytest.raises(ProviderError):
        refreshed(Line(json_answer(200, body)))


def test_a_refreshed_account_sends_its_access_token_and_has_the_origin_of_its_secret() -> None:
    line = Line(TOKEN)
    provider = Fourthwall(line.http, BASE)
    account = provider.account("acme", OAUTH)

    signed_in = account._replace(credentials={**account.credentials, "accessToken": "fw-access"})
    provider.mint(signed_in, MintRequest(), line.deadline)

    assert line.request.headers["Authorization"] == "Bearer fw-access"
    assert account.origin != provider.account("acme", {**OAUTH, "refreshToken": "other"}).origin
    assert account.origin == provider.account("acme", {**OAUTH, "clientSecret": "other"}).origin
