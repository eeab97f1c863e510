"""A merchant's secret is compared with the shapes that its provider accepts."""

from typing import Any

import pytest

from token_broker.domain.merchant_secret import VALUE_LIMIT, fields_of
from token_broker.errors import MerchantMisconfigured

SHAPES = (frozenset({"username", "password"}), frozenset({"accessToken"}))
CANARY = "sk_live_canary"


def fields(secret: dict[str, Any]) -> dict[str, str]:
    return fields_of("sample", "acme", secret, shapes=SHAPES, optional=frozenset({"apiVersion"}))


def fault(secret: dict[str, Any]) -> str:
    with pytest.raises(MerchantMisconfigured) as refused:
        fields(secret)
    assert refused.value.detail.startswith("The secret sample/acme")
    assert CANARY not in refused.value.detail
    return refused.value.detail


@pytest.mark.parametrize(
    "secret",
    [
        {"username": "u", "password": "p w"},
        {"accessToken": "t" * VALUE_LIMIT},
        {"accessToken": "t", "apiVersion": "2026-10"},
    ],
)
def test_each_documented_shape_is_taken(secret: dict[str, Any]) -> None:
    assert fields(secret) == secret


def test_unknown_fields_are_counted_not_named() -> None:
    said = fault({"accessToken": CANARY, CANARY: "x", "note": CANARY})

    assert said.endswith("has 2 unknown field(s). The accepted fields are: (password, username) or (accessToken).")


@pytest.mark.parametrize(
    ("secret", "present"),
    [
        ({}, "none"),
        ({"username": CANARY}, "username"),
        ({"apiVersion": "2026-10"}, "apiVersion"),
        ({"username": CANARY, "password": CANARY, "accessToken": CANARY}, "accessToken, password, username"),
    ],
)
def test_missing_and_mixed_fields_are_named(secret: dict[str, Any], present: str) -> None:
    assert fault(secret).endswith(
        f"must have exactly these fields: (password, username) or (accessToken). It has: {present}."
    )


@pytest.mark.parametrize("value", [None, 1, True, 1.5, [CANARY], {CANARY: CANARY}])
def test_a_value_that_is_no_string_is_named_by_its_field(value: Any) -> None:
    assert fault({"accessToken": value}).endswith("the field 'accessToken' must be a string.")


@pytest.mark.parametrize("value", ["", CANARY * VALUE_LIMIT])
def test_an_empty_or_endless_value_is_named_by_its_field(value: str) -> None:
    assert fault({"accessToken": value}).endswith("the field 'accessToken' must have 1 to 4096 characters.")


@pytest.mark.parametrize(
    "value", [f" {CANARY}", f"{CANARY}\n", f"{CANARY}\x00", f"{CANARY}\r\nX-Evil: 1", f"{CANARY}é", " "]
)
def test_a_value_that_cannot_be_a_credential_is_named_by_its_field(value: str) -> None:
    """A line break in it would be a header of its own."""
    assert "the field 'password' must have printable ASCII" in fault({"username": "u", "password": value})


def test_an_optional_field_is_checked_like_the_others() -> None:
    assert "'apiVersion'" in fault({"accessToken": "t", "apiVersion": 7})
