"""How calls are repeated, over a broker in memory."""

from collections.abc import Callable
from typing import Any

import pytest

from token_broker_client import Token, TokenBroker, errors
from token_broker_client.operations import OPERATIONS
from token_broker_client.retries import Retries
from token_broker_client.testing import FakeTransport

CURRENT = "shopify/storefront_access_token"
FIELDS = {"merchant": "acme"}


class Clock:
    """A clock that moves only while something waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeTransport:
    return FakeTransport(clock=clock)


def retries(fake: FakeTransport, clock: Clock, jitter: float = 1.0, **options: Any) -> Retries:
    settings = {"timeout": 30.0, "attempts": 4, **options}
    return Retries(fake, sleep=clock.sleep, clock=clock, jitter=lambda: jitter, **settings)


def throttled(retry_after: float | None = None) -> errors.ProviderThrottled:
    return errors.ProviderThrottled("Slowly.", retryable=True, retry_after=retry_after)


def test_waits_grow_and_end_with_the_attempts(fake: FakeTransport, clock: Clock) -> None:
    fake.fail(CURRENT, throttled(), times=99)
    with pytest.raises(errors.ProviderThrottled):
        retries(fake, clock, attempts=8).call(OPERATIONS[CURRENT], FIELDS)
    assert clock.waits == [0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0]
    assert len(fake.calls) == 8


def test_jitter_shortens_a_wait_by_up_to_a_half(fake: FakeTransport, clock: Clock) -> None:
    fake.fail(CURRENT, throttled())
    retries(fake, clock, jitter=0.0).call(OPERATIONS[CURRENT], FIELDS)
    assert clock.waits == [0.1]


def test_a_wait_is_at_least_what_the_broker_asks_for(fake: FakeTransport, clock: Clock) -> None:
    fake.fail(CURRENT, throttled(retry_after=7))
    assert retries(fake, clock).call(OPERATIONS[CURRENT], FIELDS).body["tokenId"] == "1001"
    assert clock.waits == [7]


@pytest.mark.parametrize("retry_after", [30, 3600, float("inf")])
def test_a_wait_beyond_the_deadline_is_an_error_at_once(fake: FakeTransport, clock: Clock, retry_after: float) -> None:
    fake.fail(CURRENT, throttled(retry_after))
    with pytest.raises(errors.ProviderThrottled) as caught:
        retries(fake, clock).call(OPERATIONS[CURRENT], FIELDS)
    assert caught.value.retry_after == retry_after
    assert clock.waits == []


def test_the_deadline_holds_over_all_attempts(fake: FakeTransport, clock: Clock) -> None:
    fake.fail(CURRENT, throttled(retry_after=4), times=99)
    with pytest.raises(errors.ProviderThrottled):
        retries(fake, clock, attempts=50, timeout=10).call(OPERATIONS[CURRENT], FIELDS)
    assert clock.waits == [4, 4]


def test_a_rotation_is_not_repeated_after_the_broker_would_join_it(fake: FakeTransport, clock: Clock) -> None:
    fake.fail("shopify/rotate", throttled(retry_after=20), times=99)
    with pytest.raises(errors.ProviderThrottled):
        retries(fake, clock, timeout=300, attempts=50).call(OPERATIONS["shopify/rotate"], FIELDS)
    assert clock.waits == [20, 20]


def test_what_is_not_retryable_is_not_repeated(fake: FakeTransport, clock: Clock) -> None:
    fake.fail(CURRENT, errors.InternalError("No."))
    with pytest.raises(errors.InternalError):
        retries(fake, clock).call(OPERATIONS[CURRENT], FIELDS)
    assert len(fake.calls) == 1


@pytest.mark.parametrize(("timeout", "attempts"), [(0, 4), (-1, 4), (30, 0)])
def test_a_client_needs_time_and_an_attempt(fake: FakeTransport, timeout: float, attempts: int) -> None:
    with pytest.raises(ValueError, match="timeout"):
        TokenBroker(fake, timeout=timeout, attempts=attempts)


@pytest.fixture
def _instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker_client.retries.FIRST_WAIT", 0.0)
    monkeypatch.setattr(
        Retries.__init__, "__kwdefaults__", {**(Retries.__init__.__kwdefaults__ or {}), "sleep": lambda _: None}
    )


def _create(broker: TokenBroker) -> Token:
    return broker.merchant("acme").shopify.create("Blog")


def _create_by_name(broker: TokenBroker) -> Token:
    answer = broker.call("shopify/create_storefront_access_token", merchant="acme", title="Blog")
    return answer.read(Token)


@pytest.mark.parametrize("create", [_create, _create_by_name])
@pytest.mark.usefixtures("_instant")
def test_a_create_keeps_its_key_over_its_retries(fake: FakeTransport, create: Callable[[TokenBroker], Token]) -> None:
    broker = TokenBroker(fake)
    fake.lose_answer("shopify/create_storefront_access_token", times=2)
    token = create(broker)
    keys = [fields["idempotencyKey"] for _, fields in fake.calls]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert [each.token_id for each in broker.merchant("acme").shopify.list().tokens] == [token.token_id]
    assert create(broker).token_id != token.token_id


def test_a_given_key_is_used(fake: FakeTransport) -> None:
    shopify = TokenBroker(fake).merchant("acme").shopify
    assert shopify.create("Blog", idempotency_key="k-1") == shopify.create("Blog", idempotency_key="k-1")
    assert fake.calls[0][1]["idempotencyKey"] == "k-1"
