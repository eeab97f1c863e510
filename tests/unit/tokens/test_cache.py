"""Shop-wide current tokens in a warm function's memory."""

from contextlib import suppress
from typing import Any
from weakref import ref

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
    ProviderReply,
    ProviderThrottled,
    StorageUnavailable,
)
from token_broker.tokens.cache import FAILURE_TTL_SECONDS, TTL_SECONDS, TokenCache


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


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def memory(clock: MovableClock) -> TokenCache:
    return TokenCache(clock)


@pytest.mark.parametrize("late", [0.0, 20.0])
def test_a_token_is_kept_for_less_than_30_seconds_from_its_reading(
    memory: TokenCache, clock: MovableClock, late: float
) -> None:
    read_at = clock.monotonic()
    clock.advance(late)
    memory.put("acme", token(), read_at=read_at)

    clock.advance(TTL_SECONDS - late - 0.001)
    assert memory.get("acme") == token()
    clock.advance(0.001)
    assert memory.get("acme") is None


def test_what_is_dropped_is_gone_and_dropping_again_is_harmless(memory: TokenCache, clock: MovableClock) -> None:
    memory.put("acme", token(), read_at=clock.monotonic())

    memory.drop("acme")
    memory.drop("acme")

    assert memory.get("acme") is None


@pytest.mark.parametrize(
    "failure",
    [
        MerchantNotFound("no secret"),
        MerchantMisconfigured("a broken one"),
        ProviderRejectedCredentials("refused"),
        ProviderThrottled("slower", reply=ProviderReply(429, "slow", "Slow down"), retry_after=7),
    ],
)
def test_what_failed_says_the_same_for_a_few_seconds_and_is_not_tried_again(
    memory: TokenCache, clock: MovableClock, failure: BrokerError
) -> None:
    tries = Tries(failure)
    with pytest.raises(type(failure)):
        memory.get_unless_failed_recently("acme", tries)
    for _ in range(4):
        with pytest.raises(type(failure)) as again:
            memory.get_unless_failed_recently("acme", tries)
        assert again.value is not failure
        assert (str(again.value), vars(again.value)) == (str(failure), vars(failure))
    assert memory.get_unless_failed_recently("other", Tries()) == token(), "another merchant is not held up"
    assert tries.count == 1

    clock.advance(FAILURE_TTL_SECONDS)
    tries.failure = None
    assert memory.get_unless_failed_recently("acme", tries) == token()
    assert memory.get_unless_failed_recently("acme", tries) == token()
    assert tries.count == 3


def test_a_cached_failure_keeps_nothing_of_its_call(memory: TokenCache) -> None:
    """The frames of the call hold its event, with the caller's credentials."""

    class Event:
        pass

    seen: list[ref[Any]] = []

    def fail() -> Token:
        event = Event()
        seen.append(ref(event))
        raise MerchantNotFound("no secret")

    for _ in range(2):
        with suppress(MerchantNotFound):
            memory.get_unless_failed_recently("acme", fail)

    (event,) = seen
    assert event() is None


@pytest.mark.parametrize("failure", [MintInProgress(), StorageUnavailable("try again")])
def test_what_the_next_moment_can_change_is_tried_again_at_once(memory: TokenCache, failure: BrokerError) -> None:
    tries = Tries(failure)
    for _ in range(2):
        with pytest.raises(type(failure)):
            memory.get_unless_failed_recently("acme", tries)

    assert tries.count == 2
