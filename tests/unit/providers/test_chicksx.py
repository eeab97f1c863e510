"""ChicksX's client: what it makes of every answer, lies included. The documented ones are in tests/contract."""

from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.lines import Line
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.token import ProviderToken, fingerprint
from token_broker.errors import MerchantMisconfigured, ProviderError, ProviderFailure, RequestOutcome
from token_broker.http.client import Interrupted
from token_broker.ports.provider import MintRequest
from token_broker.providers.chicksx.client import MAX_LIFETIME, Chicksx

SECRET = {"apiKey": "key-1", "clientId": "client-1"}
ENDS = int(NOW) + 3600
VALUE = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
DATA = {
    "accessToken": VALUE,
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


def mint(*steps: Step) -> ProviderToken:
    line = Line(*steps)
    provider = Chicksx(line.http, "https://develop-api.chicksx.com/v1")
    made = provider.mint(provider.account("acme", SECRET), MintRequest(session_id="session-1é"), line.deadline)
    assert (line.request.method, [*line.request.headers]) == ("POST", ["x-api-key", "x-client-id", "Content-Type"])
    return made


def failure(*steps: Step) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        mint(*steps)
    return raised.value


def test_the_whole_data_becomes_the_token() -> None:
    made = mint(said())

    assert (made.access_token, made.token_id) == (VALUE, DATA["jti"])
    assert (made.token_type, made.scope) == ("Bearer", ("wallet.read", "merchant.read"))
    assert (made.issued_at, made.expires_at) == (int(NOW), ENDS)
    assert made.provider_data == {"expiresIn": 3600}
    assert made.use.as_json() == {"in": "sdk", "name": "authenticationToken"}


def test_what_may_be_missing_is_filled_in_or_left_out() -> None:
    made = mint(said(jti=DROPPED, tokenType=DROPPED, scope=DROPPED, expiresIn=DROPPED))

    assert (made.token_id, made.token_type, made.scope) == (fingerprint(VALUE), "Bearer", ())
    assert made.provider_data == {}
    assert mint(said(expiresAt=DROPPED, expiresIn=60)).expires_at == int(NOW) + 60


def test_a_hundred_scopes_and_names_of_256_characters_are_still_believed() -> None:
    scope = [f"{number:0256}" for number in range(100)]

    made = mint(said(scope=scope, jti="j" * 256))

    assert (made.scope, made.token_id) == (tuple(scope), "j" * 256)


@pytest.mark.parametrize("jti", [VALUE, f"jti-{VALUE}", "jti-é"])
def test_a_name_that_gives_the_token_away_or_is_not_ascii_is_not_taken(jti: str) -> None:
    made = mint(said(jti=jti))

    assert made.token_id == fingerprint(VALUE)
    assert VALUE not in repr(made)


LIES: dict[str, tuple[Any, ...]] = {
    "accessToken": (DROPPED, "eyJ a"),
    "expiresAt": (int(NOW), ENDS * 1000, int(NOW) + MAX_LIFETIME + 1, str(ENDS)),
    "expiresIn": ("3600", 10**40),
    "scope": ("wallet.read", [7], ["a\nb"], {"wallet.read": True}, ["x" * 257], ["x"] * 101),
    "jti": (7, "a\nb", "x" * 257),
    "tokenType": (["Bearer"],),
}


@pytest.mark.parametrize(
    "changes",
    [{name: value} for name, values in LIES.items() for value in values]
    + [{"expiresAt": DROPPED, "expiresIn": DROPPED}],
)
def test_data_that_lies_is_a_provider_error(changes: dict[str, Any]) -> None:
    refused = failure(said(**changes))

    assert isinstance(refused, ProviderError)
    assert refused.request_outcome is RequestOutcome.UNKNOWN


@pytest.mark.parametrize(
    "step",
    [
        json_answer(201, {"code": "OK", "data": [DATA]}),
        json_answer(201, []),
        answer(201, "<html></html>"),
        json_answer(200, {"code": "OK", "data": DATA}),
        answer(202),
        answer(301),
    ],
)
def test_an_answer_without_data_is_a_provider_error(step: Step) -> None:
    assert isinstance(failure(step), ProviderError)


@pytest.mark.parametrize("step", [Interrupted("It broke off."), answer(500)])
def test_a_post_whose_answer_is_lost_is_not_sent_again(step: Step) -> None:
    assert failure(step).request_outcome is RequestOutcome.UNKNOWN


def test_a_refusal_that_repeats_the_key_is_cleared_of_it() -> None:
    assert "key-1" not in str(failure(json_answer(401, {"code": "key-1", "message": "key-1?"})).problem("r"))


def test_all_of_the_secret_are_credentials_and_there_is_nothing_to_invalidate() -> None:
    provider = Chicksx(Line().http, "")
    account = provider.account("acme", SECRET)

    provider.invalidate_credentials(account)

    assert (account.merchant, account.credentials) == ("acme", SECRET)
    assert (account.settings, account.account_id) == ({}, "")


@pytest.mark.parametrize("secret", [{}, {"apiKey": "k"}, {"apiKey": "k", "clientId": 7}, {**SECRET, "x": "y"}])
def test_a_secret_of_another_shape_is_refused(secret: dict[str, Any]) -> None:
    with pytest.raises(MerchantMisconfigured, match="secret chicksx/acme"):
        Chicksx(Line().http, "").account("acme", secret)
