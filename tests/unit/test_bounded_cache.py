"""A bounded cache: what it returns, when a value expires, and which entry makes room."""

import pytest

from tests.fakes.clock import MovableClock
from token_broker.bounded_cache import BoundedCache


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def cache(clock: MovableClock) -> BoundedCache[str, int]:
    return BoundedCache(clock, 3)


def put(cache: BoundedCache[str, int], **values: int) -> None:
    for key, value in values.items():
        cache.put(key, value)


def held(cache: BoundedCache[str, int]) -> dict[str, int]:
    return {key: value for key in "abcd" if (value := cache.get(key)) is not None}


def test_each_key_has_its_last_value(cache: BoundedCache[str, int]) -> None:
    put(cache, a=0, b=1, c=2)
    put(cache, a=3)

    assert held(cache) == {"a": 3, "b": 1, "c": 2}


def test_a_value_is_there_until_it_expires_if_it_does(cache: BoundedCache[str, int], clock: MovableClock) -> None:
    put(cache, b=1)
    cache.put("a", 0, clock.monotonic() + 30)

    clock.advance(29.999)
    assert held(cache) == {"a": 0, "b": 1}
    clock.advance(0.001)
    assert cache.get("a") is None
    clock.advance(10**9)
    assert held(cache) == {"b": 1}


def test_a_dropped_value_is_gone_and_dropping_again_is_harmless(cache: BoundedCache[str, int]) -> None:
    put(cache, a=0)

    cache.drop("a")
    cache.drop("a")

    assert held(cache) == {}


def test_the_entry_that_was_put_first_makes_room(cache: BoundedCache[str, int]) -> None:
    put(cache, a=0, b=1, c=2, d=3)

    assert held(cache) == {"b": 1, "c": 2, "d": 3}


def test_a_read_and_a_write_are_a_use(cache: BoundedCache[str, int]) -> None:
    put(cache, a=0, b=1, c=2)
    cache.get("a")
    put(cache, b=4)

    put(cache, d=3)

    assert held(cache) == {"a": 0, "b": 4, "d": 3}
