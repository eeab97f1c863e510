"""The token's one shape, and that nothing shows a value by accident."""

from tests.fakes.samples import minted, token
from token_broker.domain.token import Use, fingerprint, session_subject
from token_broker.http.client import HttpResponse, Request
from token_broker.ports.provider import Account

CANARY = "sk_live_canary"


def test_a_token_has_one_shape() -> None:
    shown = token("7", expires_at=1_900_000_000, title="T", provider_data={"expiresIn": 3600}).as_json()

    assert shown == {
        "provider": "sample",
        "merchant": "acme",
        "tokenId": "7",
        "accessToken": "value-of-7",
        "tokenType": "sample",
        "scope": ["read"],
        "issuedAt": 1_800_000_000,
        "expiresAt": 1_900_000_000,
        "subject": "shop",
        "title": "T",
        "use": {"in": "header", "name": "X-Token", "url": "https://shop.example/api"},
        "providerData": {"expiresIn": 3600},
    }


def test_what_a_token_or_its_use_does_not_have_is_left_out() -> None:
    shown = token().as_json()

    assert "title" not in shown
    assert shown["expiresAt"] is None
    assert Use("sdk", "authenticationToken").as_json() == {"in": "sdk", "name": "authenticationToken"}


def test_a_token_without_end_never_runs_out() -> None:
    assert token().left(1e12) == float("inf")
    assert token(expires_at=1_800_000_100).left(1_800_000_040.0) == 60


def test_a_fingerprint_is_the_first_12_hex_digits_of_sha_256() -> None:
    assert fingerprint("foobar") == "c3ab8ff13720"
    assert token().digest == fingerprint("value-of-1001")


def test_a_sessions_subject_names_it() -> None:
    assert session_subject("a:b") == "session:a:b"


def test_no_representation_shows_a_value() -> None:
    held = [
        minted(access_token=CANARY),
        token(access_token=CANARY),
        Account("acme", {"password": CANARY}),
        Request("POST", "https://x", {"Authorization": CANARY}, CANARY.encode()),
        HttpResponse(200, {"set-cookie": CANARY}, CANARY.encode()),
    ]

    assert CANARY not in repr(held)
    assert CANARY not in str(held)


def test_an_accounts_secrets_are_its_credentials_alone() -> None:
    account = Account("acme", {"clientId": "i", "clientSecret": "s"}, {"shop": "acme.myshopify.com"})

    assert account.secrets() == ("i", "s")
