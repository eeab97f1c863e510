"""Whole inputs: what must be there, what must not, and what a refusal says."""

from typing import Any

import pytest

from token_broker.entrypoints.inputs import (
    CloseSession,
    CreateToken,
    GetSessionToken,
    GetShopToken,
    Input,
    Maintain,
    MerchantInput,
    Reconcile,
    RevokeToken,
    Rotate,
    read,
)
from token_broker.errors import InvalidRequest

CANARY = "sk_live_canary"


def test_a_whole_input_is_read_by_its_json_names() -> None:
    given = {"merchant": "acme", "sessionId": "s-1", "scope": ["a", "b"]}

    assert read(GetSessionToken, given) == GetSessionToken(merchant="acme", session_id="s-1", scope=("a", "b"))


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (GetShopToken, {}, GetShopToken(merchant="acme", fresh=False)),
        (GetSessionToken, {"sessionId": "s"}, GetSessionToken(merchant="acme", session_id="s", scope=None)),
        (CloseSession, {"sessionId": "s"}, CloseSession(merchant="acme", session_id="s", order_id=None)),
        (CreateToken, {"title": "T"}, CreateToken(merchant="acme", title="T", idempotency_key=None)),
        (MerchantInput, {}, MerchantInput(merchant="acme")),
        (RevokeToken, {"tokenId": "1"}, RevokeToken(merchant="acme", token_id="1", foreign=False)),
    ],
)
def test_what_is_optional_has_a_default(kind: type[Input], given: dict[str, Any], expected: Input) -> None:
    assert read(kind, {"merchant": "acme", **given}) == expected


def test_an_input_never_changes_and_shows_no_field() -> None:
    request = CreateToken(merchant="acme", title=CANARY)

    with pytest.raises(AttributeError):
        request.title = "T"  # type: ignore[misc]
    assert CANARY not in repr(request)
    assert request == CreateToken(merchant="acme", title=CANARY) != CreateToken(merchant="acme", title="T")


@pytest.mark.parametrize("name", ["session_id", "Merchant", "__class__", CANARY])
def test_an_unknown_field_is_refused_without_being_named(name: str) -> None:
    """Its name is the caller's text too."""
    with pytest.raises(InvalidRequest) as refused:
        read(GetSessionToken, {"merchant": "acme", "sessionId": "s", name: "x"})

    assert refused.value.detail == "1 field(s) are not known here. The fields are: merchant, sessionId, scope."


def test_all_missing_fields_are_named_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(GetSessionToken, {})

    assert refused.value.detail == "'merchant' and 'sessionId' must be given."


@pytest.mark.parametrize("kind", [GetShopToken, GetSessionToken, CloseSession, CreateToken, MerchantInput, RevokeToken])
def test_every_request_names_its_merchant(kind: type[Input]) -> None:
    with pytest.raises(InvalidRequest, match="'merchant'"):
        read(kind, {})


def test_null_is_not_the_same_as_leaving_a_field_out() -> None:
    with pytest.raises(InvalidRequest, match="'scope' must be"):
        read(GetSessionToken, {"merchant": "acme", "sessionId": "s", "scope": None})


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (GetSessionToken, "merchant", f"{CANARY}/"),
        (GetSessionToken, "sessionId", f"{CANARY}\x00"),
        (GetSessionToken, "scope", CANARY),
        (CloseSession, "sessionId", CANARY * 20),
        (CloseSession, "orderId", f"{CANARY}\n"),
        (CloseSession, "orderId", 7.5),
        (CloseSession, "orderId", True),
        (CreateToken, "title", CANARY * 20),
        (CreateToken, "idempotencyKey", f"{CANARY} {CANARY}"),
        (RevokeToken, "tokenId", f"{CANARY}/"),
        (RevokeToken, "foreign", CANARY),
        (GetShopToken, "cacheControl", CANARY * 20),
        (Rotate, "compromised", CANARY),
        (Reconcile, "apply", CANARY),
        (Maintain, "items", CANARY),
    ],
)
def test_a_refusal_names_the_field_and_never_the_value(kind: type[Input], field: str, value: Any) -> None:
    given = {"merchant": "acme", "sessionId": "s", "title": "T", "tokenId": "1"}
    names = {"merchant", *(["sessionId"] if kind in (GetSessionToken, CloseSession) else [])}

    with pytest.raises(InvalidRequest) as refused:
        read(kind, {**{name: given[name] for name in names}, field: value})

    assert refused.value.detail.startswith(f"'{field}' must be ")
    assert CANARY not in refused.value.detail
