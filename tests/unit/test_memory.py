"""Shop-wide current tokens in a warm function's memory."""

from tests.fakes.clock import MovableClock
from tests.fakes.samples import token
from token_broker.memory import KEPT, LIFE, TokenMemory


def test_a_token_is_kept_for_less_than_30_seconds() -> None:
    clock = MovableClock()
    memory = TokenMemory(clock)
    memory.put("acme", token(), read_at=clock.monotonic())

    clock.advance(LIFE - 0.001)
    assert memory.get("acme") == token()
    clock.advance(0.001)
    assert memory.get("acme") is None


def test_the_time_counts_from_the_reading_not_from_the_keeping() -> None:
    clock = MovableClock()
    memory = TokenMemory(clock)
    read_at = clock.monotonic()
    clock.advance(20)
    memory.put("acme", token(), read_at=read_at)

    clock.advance(10)
    assert memory.get("acme") is None


def test_each_merchant_has_its_own_token() -> None:
    clock = MovableClock()
    memory = TokenMemory(clock)
    memory.put("acme", token("1"), read_at=clock.monotonic())
    memory.put("other", token("2"), read_at=clock.monotonic())

    assert memory.get("acme") == token("1")
    assert memory.get("third") is None


def test_a_later_token_takes_the_place_of_an_earlier_one() -> None:
    clock = MovableClock()
    memory = TokenMemory(clock)
    memory.put("acme", token("1"), read_at=clock.monotonic())
    memory.put("acme", token("2"), read_at=clock.monotonic())

    assert memory.get("acme") == token("2")


def test_what_is_dropped_is_gone_and_dropping_again_is_harmless() -> None:
    clock = MovableClock()
    memory = TokenMemory(clock)
    memory.put("acme", token(), read_at=clock.monotonic())

    memory.drop("acme")
    memory.drop("acme")

    assert memory.get("acme") is None


def test_memory_is_bounded_and_the_one_kept_longest_makes_room() -> None:
    clock = MovableClock()
    memory = TokenMemory(clock)
    for number in range(KEPT):
        memory.put(f"m{number}", token(), read_at=clock.monotonic())
    memory.put("m0", token("2"), read_at=clock.monotonic())

    memory.put("one-more", token(), read_at=clock.monotonic())

    assert memory.get("m1") is None
    assert memory.get("m0") == token("2")
    assert memory.get("one-more") is not None
