"""ChicksX's client: the request as documented, and every answer, lies included."""

import json
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.lines import Line
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.token import ProviderToken, fingerprint
from token_broker.errors import (
    MerchantMisconfigured,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderUnavailable,
    RequestOutcome,
)
from token_broker.http.client import Interrupted
from token_broker.ports.provider import MintRequest
from token_broker.providers.chicksx.client import MAX_LIFETIME, Chicksx

BASE = "https://develop-api.chicksx.com/v1"
SECRET = {"apiKey": "key-1", "clientId": "client-1"}
ENDS = int(NOW) + 3600
DATA = {
    "accessToken": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    "tokenType": "Bearer",
    "expiresIn": 3600,
    "expiresAt": ENDS,
    "scope": ["wallet.read", "merchant.read"],
    "jti": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
}
DROPPED = object()


def said(**changes: Any) -> Step:
    """Build the documented response with changes to its `data`."""
    data = {name: value for name, value in {**DATA, **changes}.items() if value is not DROPPED}
    return json_answer(201, {"code": "OK", "data": data, "message": "Operation completed successfully"})


def mint(line: Line, scope: tuple[str, ...] | None = None) -> ProviderToken:
    provider = Chicksx(line.http, BASE)
    return provider.mint(
        provider.account("acme", SECRET), MintRequest(session_id="session-1é", scope=scope), line.deadline
    )


def failure(*steps: Step) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        mint(Line(*steps))
    return raised.value


def test_the_request_is_a_post_with_both_headers() -> None:
    line = Line(said())

    mint(line, scope=("wallet.read",))

    assert (line.request.method, line.request.url) == ("POST", f"{BASE}/public_token/create")
    assert line.request.headers == {
        "x-api-key": "key-1",
        "x-client-id": "client-1",
        "Content-Type": "application/json",
    }
    assert json.loads(line.request.body or b"") == {"sessionId": "session-1é", "scope": ["wallet.read"]}


def test_a_scope_that_nobody_asked_for_is_not_sent() -> None:
    line = Line(said())

    mint(line)

    assert json.loads(line.request.body or b"") == {"sessionId": "session-1é"}


def test_the_whole_data_becomes_the_token() -> None:
    made = mint(Line(said()))

    assert made.access_token == DATA["accessToken"]
    assert made.token_id == DATA["jti"]
    assert (made.token_type, made.scope) == ("Bearer", ("wallet.read", "merchant.read"))
    assert (made.issued_at, made.expires_at) == (int(NOW), ENDS)
    assert made.provider_data == {"expiresIn": 3600}
    assert made.use.as_json() == {"in": "sdk", "name": "authenticationToken"}


def test_without_expires_at_the_end_is_counted_from_now() -> None:
    assert mint(Line(said(expiresAt=DROPPED, expiresIn=60))).expires_at == int(NOW) + 60


def test_without_expires_in_nothing_is_made_up() -> None:
    assert mint(Line(said(expiresIn=DROPPED))).provider_data == {}


def test_what_may_be_missing_is_filled_in() -> None:
    made = mint(Line(said(jti=DROPPED, tokenType=DROPPED, scope=DROPPED)))

    assert made.token_id == fingerprint(DATA["accessToken"])  # type: ignore[arg-type]
    assert (made.token_type, made.scope) == ("Bearer", ())


def test_a_hundred_scopes_and_names_of_256_characters_are_still_believed() -> None:
    scope = [f"{number:0256}" for number in range(100)]

    made = mint(Line(said(scope=scope, jti="j" * 256)))

    assert made.scope == tuple(scope)
    assert made.token_id == "j" * 256


@pytest.mark.parametrize("jti", ["{}", "jti-{}"])
def test_a_name_that_gives_the_token_away_is_not_taken(jti: str) -> None:
    value = str(DATA["accessToken"])

    made = mint(Line(said(jti=jti.format(value))))

    assert made.token_id == fingerprint(value)
    assert value not in repr(made)


@pytest.mark.parametrize(
    "changes",
    [
        {"accessToken": DROPPED},
        {"accessToken": ""},
        {"accessToken": 7},
        {"accessToken": "x" * 1024 * 1024},
        {"accessToken": "eyJ a"},
        {"expiresAt": DROPPED, "expiresIn": DROPPED},
        {"expiresAt": int(NOW)},
        {"expiresAt": 1696531200},
        {"expiresAt": ENDS * 1000},
        {"expiresAt": int(NOW) + MAX_LIFETIME + 1},
        {"expiresAt": str(ENDS)},
        {"expiresAt": True},
        {"expiresAt": float(ENDS)},
        {"expiresIn": "3600"},
        {"expiresIn": 0},
        {"expiresAt": DROPPED, "expiresIn": -1},
        {"scope": "wallet.read"},
        {"scope": [7]},
        {"scope": ["a\nb"]},
        {"scope": {"wallet.read": True}},
        {"jti": 7},
        {"jti": "a\nb"},
        {"jti": "x" * 257},
        {"scope": ["x" * 257]},
        {"scope": ["x"] * 101},
        {"tokenType": ["Bearer"]},
    ],
)
def test_data_that_lies_is_a_provider_error(changes: dict[str, Any]) -> None:
    refused = failure(said(**changes))

    assert isinstance(refused, ProviderError)
    assert refused.request_outcome is RequestOutcome.UNKNOWN


def test_a_number_that_no_table_can_keep_is_a_provider_error() -> None:
    """A record must be kept before it is an answer."""
    assert isinstance(failure(said(expiresIn=10**40)), ProviderError)


@pytest.mark.parametrize(
    "step",
    [
        json_answer(201, {"code": "OK", "message": "Operation completed successfully"}),
        json_answer(201, {"code": "OK", "data": None}),
        json_answer(201, {"code": "OK", "data": [DATA]}),
        json_answer(201, []),
        answer(201),
        answer(201, "<html></html>"),
        json_answer(200, {"code": "OK", "data": DATA}),
        answer(200, "<html>Welcome</html>"),
        answer(202),
        answer(301),
    ],
)
def test_an_answer_without_data_is_a_provider_error(step: Step) -> None:
    assert isinstance(failure(step), ProviderError)


@pytest.mark.parametrize(
    ("status", "kind", "request_outcome"),
    [
        (400, ProviderError, RequestOutcome.NOT_APPLIED),
        (401, ProviderRejectedCredentials, RequestOutcome.NOT_APPLIED),
        (500, ProviderUnavailable, RequestOutcome.UNKNOWN),
    ],
)
def test_the_status_decides_since_every_example_has_the_same_code(
    status: int, kind: type[ProviderFailure], request_outcome: RequestOutcome
) -> None:
    said = {"code": "INVALID_INPUT", "message": "Invalid JSON in request body"}

    refused = failure(json_answer(status, said))

    assert (type(refused), refused.request_outcome) == (kind, request_outcome)
    assert refused.problem("r")["provider"] == {"status": status, **said}


def test_a_post_whose_answer_is_lost_is_not_sent_again() -> None:
    line = Line(Interrupted("It broke off."))

    with pytest.raises(ProviderUnavailable) as raised:
        mint(line)

    assert raised.value.request_outcome is RequestOutcome.UNKNOWN


def test_a_refusal_that_repeats_the_key_is_cleared_of_it() -> None:
    assert "key-1" not in str(failure(json_answer(401, {"code": "key-1", "message": "key-1?"})).problem("r"))


def test_the_account_is_the_merchants_and_all_of_the_secret_are_credentials() -> None:
    account = Chicksx(Line().http, BASE).account("acme", SECRET)

    assert (account.merchant, account.credentials) == ("acme", SECRET)
    assert (account.settings, account.account_id) == ({}, "")


@pytest.mark.parametrize("secret", [{}, {"apiKey": "k"}, {"apiKey": "k", "clientId": 7}, {**SECRET, "x": "y"}])
def test_a_secret_of_another_shape_is_refused(secret: dict[str, Any]) -> None:
    with pytest.raises(MerchantMisconfigured, match="secret chicksx/acme"):
        Chicksx(Line().http, BASE).account("acme", secret)


def test_there_is_nothing_to_forget_and_tokens_are_for_sessions() -> None:
    provider = Chicksx(Line().http, BASE)

    provider.invalidate_credentials(provider.account("acme", SECRET))

    assert provider.capabilities.sessions
    assert not provider.capabilities.supports_title_tag
