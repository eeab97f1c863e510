"""How many mints of a merchant's quota are available in which second of a minute."""

import pytest

from token_broker.domain.mint_quota import ADVANCE, MINUTE, allowed_mints, next_mint_at


@pytest.mark.parametrize(
    ("limit", "second", "allowed"),
    [(120, 0, 10), (120, 1, 12), (120, 54, 118), (120, 55, 120), (120, 59, 120), (6, 4, 1), (6, 6, 2), (1, 0, 1)],
)
def test_the_quota_becomes_available_with_the_seconds_and_some_in_advance(
    limit: int, second: int, allowed: int
) -> None:
    assert allowed_mints(limit, second) == allowed


@pytest.mark.parametrize("limit", [1, 2, 7, 60, 120, 1000])
def test_a_refused_caller_may_come_again_in_the_first_second_that_allows_one_more(limit: int) -> None:
    for mints in range(allowed_mints(limit, 0), limit + 1):
        allows = [second for second in range(MINUTE) if allowed_mints(limit, second) > mints]

        assert next_mint_at(limit, mints) == (allows or [MINUTE])[0]
    assert allowed_mints(limit, MINUTE - ADVANCE) == limit
