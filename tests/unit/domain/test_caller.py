"""The names of callers, as Idempotency-Keys and the log use them."""

import pytest

from token_broker.domain.caller import SHOWN_CHARACTERS, principal, shown_caller

ROLE = "arn:aws:sts::123456789012:assumed-role/backend"


def test_the_sessions_of_a_role_are_one_principal() -> None:
    assert principal(f"{ROLE}/i-1") == principal(f"{ROLE}/i-2") == ROLE


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (f"{ROLE}/i-1", ROLE),
        ("arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:user/ann"),
        ("direct", "direct"),
        ("storefront https://shop.example", "https://shop.example"),
        ("storefront https://a\nlevel: forged", "https://a?level: forged"),
        ("storefront " + "a" * 1000, "a" * SHOWN_CHARACTERS),
    ],
)
def test_the_log_shows_a_principal_or_an_origin_on_one_short_line(caller: str, shown: str) -> None:
    assert shown_caller(caller) == shown
