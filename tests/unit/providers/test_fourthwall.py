"""Fourthwall's client: the request as documented, and every answer, lies included."""

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
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
)
from token_broker.http.client import Interrupted, TooLarge, Unreachable
from token_broker.ports.provider import MintRequest, RefreshTokenRefused
from token_broker.providers.fourthwall.client import ASSUMED_LIFE, Fourthwall

BASE = "https://api.fourthwall.com"
KEY = {"username": "fw_user", "password": "fw pass:word"}


def mint(line: Line, secret: dict[str, Any] | None = None) -> ProviderToken:
    provider = Fourthwall(line.http, BASE)
    return provider.mint(provider.account("acme", secret or KEY), MintRequest(), line.deadline)


def failure(*said: Step) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        mint(Line(*said))
    return raised.value


def test_the_request_is_a_put_with_basic_authentication_and_no_body() -> None:
    line = Line(json_answer(200, {"token": "ptkn_abc"}))

    mint(line)

    assert (line.request.method, line.request.url) == ("PUT", f"{BASE}/open-api/v1.0/public-token")
    assert line.request.headers == {"Authorization": f"Basic {base64.b64encode(b'fw_user:fw pass:word').decode()}"}
    assert line.request.body is None


def test_an_oauth_token_goes_as_bearer() -> None:
    line = Line(json_answer(200, {"token": "ptkn_abc"}))

    mint(line, {"accessToken": "oauth-1"})

    assert line.request.headers == {"Authorization": "Bearer oauth-1"}


def test_the_token_is_known_by_its_fingerprint_and_has_no_end() -> None:
    line = Line(json_answer(200, {"token": "ptkn_abc"}))

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
    line = Line(Interrupted("It broke off."), answer(503), json_answer(200, {"token": "ptkn_abc"}))

    assert mint(line).access_token == "ptkn_abc"


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "<html>Welcome</html>", content_type="text/html"),
        answer(200),
        json_answer(200, None),
        json_answer(200, []),
        json_answer(200, {}),
        json_answer(200, {"token": None}),
        json_answer(200, {"token": ""}),
        json_answer(200, {"token": 7}),
        json_answer(200, {"token": {"value": "ptkn_abc"}}),
        json_answer(200, {"token": "ptkn abc"}),
        json_answer(200, {"token": "ptkn_abc\n"}),
        json_answer(200, {"token": "x" * 1024 * 1024}),
        json_answer(200, {"token": "fw_user"}),
        json_answer(201, {"token": "ptkn_abc"}),
        answer(204),
        answer(302, location="https://evil.example"),
    ],
)
def test_an_answer_that_is_none_is_a_provider_error(said: Step) -> None:
    assert isinstance(failure(said), ProviderError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderError),
        (401, ProviderRejectedCredentials),
        (403, ProviderRejectedCredentials),
        (404, ProviderError),
        (429, ProviderThrottled),
        (500, ProviderUnavailable),
    ],
)
def test_a_refusal_passes_the_code_on_also_without_a_message(status: int, kind: type[ProviderFailure]) -> None:
    refused = failure(*[json_answer(status, {"code": "SOME_CODE", "shopId": "sh_1"})] * 3)

    assert type(refused) is kind
    assert refused.problem("r")["provider"] == {"status": status, "code": "SOME_CODE"}


def test_a_refusal_that_repeats_the_credentials_is_cleared_of_them() -> None:
    said = {"code": "UNAUTHORIZED", "message": "fw_user with fw pass:word: Basic ZndfdXNlcjpmdw=="}

    problem = str(failure(json_answer(401, said)).problem("r"))

    assert not any(secret in problem for secret in ("fw_user", "fw pass:word", "ZndfdXNlcjpmdw"))


def test_a_refusal_that_repeats_the_encoded_pair_is_cleared_of_it() -> None:
    """Its shape alone does not give it away: it is short, and without `Basic` before it."""
    encoded = base64.b64encode(b"fw_user:fw pass:word").decode()

    problem = failure(json_answer(401, {"message": f"{encoded} is wrong"})).problem("r")

    assert problem["provider"]["message"] == "[redacted] is wrong"


def test_a_refusal_that_repeats_the_oauth_token_is_cleared_of_it() -> None:
    line = Line(json_answer(401, {"code": "UNAUTHORIZED", "message": "oauth-1 has expired"}))

    with pytest.raises(ProviderRejectedCredentials) as raised:
        mint(line, {"accessToken": "oauth-1"})

    assert raised.value.problem("r")["provider"]["message"] == "[redacted] has expired"


@pytest.mark.parametrize("secret", [KEY, {"accessToken": "oauth-1"}])
def test_the_account_is_the_merchants_and_all_of_the_secret_are_credentials(secret: dict[str, Any]) -> None:
    account = Fourthwall(Line().http, BASE).account("acme", secret)

    assert (account.merchant, account.credentials) == ("acme", secret)
    assert (account.settings, account.account_id) == ({}, "")


@pytest.mark.parametrize(
    ("broken", "kind", "request_outcome"),
    [
        (Unreachable("no"), ProviderUnavailable, RequestOutcome.NOT_APPLIED),
        (Interrupted("no"), ProviderUnavailable, RequestOutcome.UNKNOWN),
        (TooLarge("no"), ProviderError, RequestOutcome.UNKNOWN),
    ],
)
def test_a_broken_connection_is_reported_with_its_fate(
    broken: Unreachable | Interrupted | TooLarge, kind: type[ProviderFailure], request_outcome: RequestOutcome
) -> None:
    raised = failure(*[broken] * 3)

    assert (type(raised), raised.request_outcome) == (kind, request_outcome)


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {"username": "u"},
        {"username": "u", "password": "p", "accessToken": "t"},
        {"token": "t"},
        {"username": "u", "password": ""},
    ],
)
def test_a_secret_of_another_shape_is_refused(secret: dict[str, Any]) -> None:
    with pytest.raises(MerchantMisconfigured, match="secret fourthwall/acme"):
        Fourthwall(Line().http, BASE).account("acme", secret)


def test_there_is_nothing_to_forget_and_the_token_is_checked_once_a_day() -> None:
    provider = Fourthwall(Line().http, BASE)

    provider.invalidate_credentials(provider.account("acme", KEY))

    assert provider.capabilities.recheck_after == 24 * 60 * 60
    assert not provider.capabilities.revokes


OAUTH = {"clientId": "client-1", "clientSecret": "fw-secret", "refreshToken": "fw-refresh-1"}


def refresh(*said: Step) -> tuple[Line, CredentialPair]:
    line = Line(*said)
    provider = Fourthwall(line.http, BASE)
    return line, provider.refresh(provider.account("acme", OAUTH), "fw-refresh-2", line.deadline)


@pytest.mark.parametrize(
    ("changes", "next_token", "lifetime"),
    [
        ({}, "fw-refresh-3", 300),
        ({"refresh_token": None}, "fw-refresh-2", 300),
        ({"expires_in": None}, "fw-refresh-3", ASSUMED_LIFE),
    ],
)
def test_a_refresh_keeps_the_refresh_token_unless_a_new_one_comes(
    changes: dict[str, Any], next_token: str, lifetime: int
) -> None:
    body = {"access_token": "fw-access", "refresh_token": "fw-refresh-3", "expires_in": 300, **changes}

    line, pair = refresh(json_answer(200, body))

    assert line.request.url == f"{BASE}/open-api/v1.0/platform/token"
    assert parse_qs((line.request.body or b"").decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["client-1"],
        "client_secret": ["fw-secret"],
        "refresh_token": ["fw-refresh-2"],
    }
    assert (pair.access_token, pair.refresh_token) == ("fw-access", next_token)
    assert pair.access_ends_at == int(line.clock.now()) + lifetime


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (json_answer(400, {"error": "invalid_grant"}), RefreshTokenRefused),
        (json_answer(401, {"code": "UNAUTHORIZED"}), RefreshTokenRefused),
        (json_answer(401, {"error": "invalid_client"}), ProviderRejectedCredentials),
        (json_answer(400, {"error": "invalid_client"}), ProviderRejectedCredentials),
        (answer(429), ProviderThrottled),
        (json_answer(200, {"access_token": 7}), ProviderError),
        (json_answer(200, []), ProviderError),
    ],
)
def test_each_refusal_of_a_refresh_has_its_error(said: Step, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        refresh(*[said] * 3)


def test_a_refreshed_account_sends_its_access_token() -> None:
    line = Line(json_answer(200, {"token": "ptkn_abc"}))
    provider = Fourthwall(line.http, BASE)
    account = provider.account("acme", OAUTH)

    signed_in = account._replace(credentials={**account.credentials, "accessToken": "fw-access"})
    provider.mint(signed_in, MintRequest(), line.deadline)

    assert line.request.headers["Authorization"] == "Bearer fw-access"
    assert account.origin != provider.account("acme", {**OAUTH, "refreshToken": "other"}).origin
