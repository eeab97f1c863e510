"""A merchant's secret is compared with the shapes that its provider accepts."""

from typing import Any

import pytest

from token_broker.domain.merchant_secret import VALUE_LIMIT, fields_of
from token_broker.errors import MerchantMisconfigured

SHAPES = (frozenset({"username", "password"}), frozenset({"accessToken"}))
CANARY = "sk_live_canary"


def fields(secret: dict[str, Any]) -> dict[str, str]:
    return fields_of("sample", "acme", secret, shapes=SHAPES, optional=frozenset({"apiVersion"}))


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


ACCEPTED = "(password, username) or (accessToken)"
NOT_PRINTABLE = "must have printable ASCII characters only, and no spaces around them."


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (
            {"accessToken": CANARY, CANARY: "x", "note": CANARY},
            f"has 2 unknown field(s). The accepted fields are: {ACCEPTED}.",
        ),
        *(
            (dict.fromkeys(present, CANARY), f"must have exactly these fields: {ACCEPTED}. It has: {names}.")
            for present, names in (
                ((), "none"),
                (("username",), "username"),
                (("apiVersion",), "apiVersion"),
                (("username", "password", "accessToken"), "accessToken, password, username"),
            )
        ),
        *(
            ({"accessToken": value}, "the field 'accessToken' must be a string.")
            for value in (None, 1, True, 1.5, [CANARY], {CANARY: CANARY})
        ),
        *(
            ({"accessToken": value}, "the field 'accessToken' must have 1 to 4096 characters.")
            for value in ("", CANARY * VALUE_LIMIT)
        ),
        *(
            ({"username": "u", "password": f"{before}{CANARY}{after}"}, f"the field 'password' {NOT_PRINTABLE}")
            for before, after in ((" ", ""), *(("", after) for after in ("\n", "\x00", "\r\nX-Evil: 1", "é")))
        ),
        ({"accessToken": "t", "apiVersion": 7}, "the field 'apiVersion' must be a string."),
    ],
)
def test_a_fault_names_the_field_and_never_an_unknown_field_or_a_value(secret: dict[str, Any], said: str) -> None:
    """A line break in a credential would be a header of its own."""
    with pytest.raises(MerchantMisconfigured) as refused:
        fields(secret)

    assert refused.value.detail.startswith("The secret sample/acme")
    assert refused.value.detail.endswith(said)
    assert CANARY not in refused.value.detail
