"""Shop-wide current tokens in a warm function's memory."""

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.samples import token
from token_broker.domain.token import Token
from token_broker.errors import (
    BrokerError,
    MerchantMisconfigured,
    MerchantNotFound,
    MintInProgress,
    ProviderRejectedCredentials,
    ProviderThrottled,
    StorageUnavailable,
)
from token_broker.tokens.cache import FAILURE_TTL_SECONDS, MAX_ENTRIES, TTL_SECONDS, TokenCache


class Tries:
    """Gets a token, or fails as it is told, and counts how often it was tried."""

    def __init__(self, failure: BrokerError | None = None) -> None:
        self.failure = failure
        self.count = 0

    def __call__(self) -> Token:
        self.count += 1
        if self.failure is not None:
            raise self.failure
        return token()


def test_a_token_is_kept_for_less_than_30_seconds() -> None:
    clock = MovableClock()
    memory = TokenCache(clock)
    memory.put("acme", token(), read_at=clock.monotonic())

    clock.advance(TTL_SECONDS - 0.001)
    assert memory.get("acme") == token()
    clock.advance(0.001)
    assert memory.get("acme") is None


def test_the_time_counts_from_the_reading_not_from_the_keeping() -> None:
    clock = MovableClock()
    memory = TokenCache(clock)
    read_at = clock.monotonic()
    clock.advance(20)
    memory.put("acme", token(), read_at=read_at)

    clock.advance(10)
    assert memory.get("acme") is None


def test_each_merchant_has_its_own_token() -> None:
    clock = MovableClock()
    memory = TokenCache(clock)
    memory.put("acme", token("1"), read_at=clock.monotonic())
    memory.put("other", token("2"), read_at=clock.monotonic())

    assert memory.get("acme") == token("1")
    assert memory.get("third") is None


def test_a_later_token_takes_the_place_of_an_earlier_one() -> None:
    clock = MovableClock()
    memory = TokenCache(clock)
    memory.put("acme", token("1"), read_at=clock.monotonic())
    memory.put("acme", token("2"), read_at=clock.monotonic())

    assert memory.get("acme") == token("2")


def test_what_is_dropped_is_gone_and_dropping_again_is_harmless() -> None:
    clock = MovableClock()
    memory = TokenCache(clock)
    memory.put("acme", token(), read_at=clock.monotonic())

    memory.drop("acme")
    memory.drop("acme")

    assert memory.get("acme") is None


def test_memory_is_bounded_and_the_one_kept_longest_makes_room() -> None:
    clock = MovableClock()
    memory = TokenCache(clock)
    for number in range(MAX_ENTRIES):
        memory.put(f"m{number}", token(), read_at=clock.monotonic())
    memory.put("m0", token("2"), read_at=clock.monotonic())

    memory.put("one-more", token(), read_at=clock.monotonic())

    assert memory.get("m1") is None
    assert memory.get("m0") == token("2")
    assert memory.get("one-more") is not None


@pytest.mark.parametrize(
    "failure",
    [
        MerchantNotFound("no secret"),
        MerchantMisconfigured("a broken one"),
        ProviderRejectedCredentials("refused"),
        ProviderThrottled("slower"),
    ],
)
def test_what_failed_is_not_tried_again_for_a_few_seconds(failure: BrokerError) -> None:
    clock = MovableClock()
    memory, tries = TokenCache(clock), Tries(failure)
    for _ in range(5):
        with pytest.raises(type(failure)):
            memory.get_unless_failed_recently("acme", tries)
    assert tries.count == 1

    clock.advance(FAILURE_TTL_SECONDS)
    tries.failure = None
    assert memory.get_unless_failed_recently("acme", tries) == token()
    assert memory.get_unless_failed_recently("acme", tries) == token()
    assert tries.count == 3


@pytest.mark.parametrize("failure", [MintInProgress(), StorageUnavailable("try again")])
def test_what_the_next_moment_can_change_is_tried_again_at_once(failure: BrokerError) -> None:
    memory, tries = TokenCache(MovableClock()), Tries(failure)
    for _ in range(2):
        with pytest.raises(type(failure)):
            memory.get_unless_failed_recently("acme", tries)

    assert tries.count == 2


def test_another_merchant_is_not_held_up_by_a_failure() -> None:
    memory, tries = TokenCache(MovableClock()), Tries(MerchantNotFound("no secret"))
    with pytest.raises(MerchantNotFound):
        memory.get_unless_failed_recently("acme", tries)

    assert memory.get_unless_failed_recently("other", Tries()) == token()


def test_failures_fill_a_bounded_memory() -> None:
    memory, tries = TokenCache(MovableClock()), Tries(MerchantNotFound("no secret"))
    for number in range(MAX_ENTRIES + 10):
        with pytest.raises(MerchantNotFound):
            memory.get_unless_failed_recently(f"m{number}", tries)

    assert len(memory._failures) == MAX_ENTRIES
