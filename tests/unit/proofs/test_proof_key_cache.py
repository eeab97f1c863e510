"""An issuer's key set in memory: when it is fetched again, and what is used while it cannot be."""

import pytest

from proofs.key_cache import MAX_ENTRIES
from proofs.key_set import TIMES, key_sets
from proofs.outcomes import KeysUnavailable, ProofRejected
from tests.fakes.clock import MovableClock
from tests.fakes.proofs import JWKS_URI, SESSION, Desk, Issuer, by_issuer, jwk, p256_key, rsa_key

MINUTE, HOUR = 60.0, 3600.0
RETRY_DELAYS = TIMES.retry_delays


@pytest.fixture
def desk() -> Desk:
    return Desk()


def good(desk: Desk, *, kid: str | None = "key-1", number: int = 0) -> bool:
    """Whether a proof signed just now is taken."""
    key = rsa_key(number=number) if number else rsa_key()
    return desk.verify(by_issuer(key, kid=kid, now=desk.clock.now())).session_id == SESSION


def unavailable(desk: Desk, *, kid: str | None = "key-1") -> str:
    with pytest.raises(KeysUnavailable) as failed:
        good(desk, kid=kid)
    return failed.value.reason


def refusal(desk: Desk, *, kid: str | None = "key-1", number: int = 0) -> str:
    with pytest.raises(ProofRejected) as rejected:
        good(desk, kid=kid, number=number)
    return rejected.value.detail


def fetches(desk: Desk) -> int:
    return len(desk.issuer.fetched)


# Age


def test_a_set_is_taken_as_it_is_for_ten_minutes(desk: Desk) -> None:
    good(desk)
    desk.clock.advance(10 * MINUTE - 1)
    good(desk)
    assert fetches(desk) == 1

    desk.clock.advance(1)
    good(desk)
    assert fetches(desk) == 2


@pytest.mark.parametrize("other_keys", [0, 1])
def test_a_withdrawn_key_is_rejected_after_ten_minutes(desk: Desk, other_keys: int) -> None:
    good(desk)
    desk.issuer.publishes(*[jwk(rsa_key(number=1), kid="key-2")][:other_keys])
    desk.clock.advance(10 * MINUTE)

    assert refusal(desk) == "unknown_key"


# Rotation


def test_a_new_key_works_at_once(desk: Desk) -> None:
    good(desk)
    desk.clock.advance(1)
    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"), jwk(rsa_key(number=1), kid="key-2"))

    assert good(desk, kid="key-2", number=1)
    assert good(desk)
    assert fetches(desk) == 2


@pytest.mark.parametrize("kid", [None, "key-1"])
def test_a_key_replaced_without_a_new_name_works_at_once(desk: Desk, kid: str | None) -> None:
    desk.issuer.publishes(jwk(rsa_key(), kid=kid))
    good(desk, kid=kid)
    desk.clock.advance(1)
    desk.issuer.publishes(jwk(rsa_key(number=1), kid=kid))

    assert good(desk, kid=kid, number=1)
    assert refusal(desk, kid=kid) == "bad_signature"


def test_unknown_kids_fetch_at_most_once_a_minute(desk: Desk) -> None:
    good(desk)
    desk.clock.advance(1)
    for second in range(120):
        assert refusal(desk, kid=f"junk-{second}") == "unknown_key"
        desk.clock.advance(1)

    assert fetches(desk) == 1 + 2


def test_a_set_fetched_for_this_very_proof_is_not_fetched_twice(desk: Desk) -> None:
    assert refusal(desk, kid="junk") == "unknown_key"
    assert fetches(desk) == 1


def test_each_address_is_renewed_for_itself() -> None:
    issuer, clock = Issuer(), MovableClock()
    sets = key_sets(issuer, clock)
    for address in ("a", "b"):
        issuer.publishes(at=address)
        sets.current(address)
    clock.advance(1)

    assert (sets.renewed("a"), sets.renewed("b"), sets.renewed("a")) == ((), (), None)


# Outage


def test_an_outage_of_the_issuer_is_none_here_for_a_day(desk: Desk) -> None:
    good(desk)
    desk.issuer.is_down()
    for _ in range(23):
        desk.clock.advance(HOUR)
        assert good(desk)

    desk.clock.advance(HOUR)
    assert unavailable(desk) == "jwks_timed_out"
    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"))
    desk.clock.advance(MINUTE)
    assert good(desk)


def test_an_answer_that_is_no_key_set_is_an_outage_too(desk: Desk) -> None:
    good(desk)
    desk.issuer.documents[JWKS_URI] = b"<html>Sorry</html>"
    desk.clock.advance(10 * MINUTE)

    assert good(desk)
    desk.clock.advance(24 * HOUR)
    assert unavailable(desk) == "jwks_malformed"


def test_an_outage_does_not_cost_a_fetch_with_every_proof(desk: Desk) -> None:
    good(desk)
    desk.issuer.is_down()
    desk.clock.advance(10 * MINUTE)
    for _ in range(600):
        assert good(desk)
        desk.clock.advance(1)

    pauses = list(RETRY_DELAYS)
    while sum(pauses) < 600:
        pauses.append(RETRY_DELAYS[-1])
    assert fetches(desk) == 1 + len(pauses)


def test_junk_during_an_outage_does_not_fetch_beside_the_pauses(desk: Desk) -> None:
    good(desk)
    desk.issuer.is_down()
    desk.clock.advance(10 * MINUTE)
    for _ in range(10):
        assert unavailable(desk, kid="junk") == "jwks_timed_out"

    assert fetches(desk) == 2


def test_an_address_that_never_answered_is_not_asked_with_every_proof(desk: Desk) -> None:
    desk.issuer.is_down()
    for _ in range(10):
        assert unavailable(desk) == "jwks_timed_out"
    assert fetches(desk) == 1

    desk.clock.advance(RETRY_DELAYS[0])
    unavailable(desk)
    desk.clock.advance(RETRY_DELAYS[0])
    unavailable(desk)
    assert fetches(desk) == 2

    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"))
    desk.clock.advance(RETRY_DELAYS[1] - RETRY_DELAYS[0])
    assert good(desk)
    assert fetches(desk) == 3

    desk.issuer.is_down()
    desk.clock.advance(25 * HOUR)
    unavailable(desk)
    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"))
    desk.clock.advance(RETRY_DELAYS[0])
    assert good(desk), "a success has ended the longer pauses"


def test_during_an_outage_an_unknown_kid_may_be_a_new_one_and_a_bad_signature_is_bad(desk: Desk) -> None:
    good(desk)
    desk.clock.advance(1)
    desk.issuer.is_down()

    assert unavailable(desk, kid="key-2") == "jwks_timed_out"
    assert refusal(desk, number=1) == "bad_signature"
    assert good(desk)
    desk.clock.advance(30)
    assert unavailable(desk, kid="key-2") == "jwks_timed_out"
    assert fetches(desk) == 2


# Which key


def test_without_a_kid_there_must_be_one_key_only_that_fits(desk: Desk) -> None:
    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"), jwk(p256_key(), kid="key-2"))
    assert good(desk, kid=None)

    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"), jwk(rsa_key(number=1), kid="key-2"))
    desk.clock.advance(10 * MINUTE)
    assert refusal(desk, kid=None) == "ambiguous_key"


def test_a_kid_given_twice_names_no_key(desk: Desk) -> None:
    desk.issuer.publishes(
        jwk(rsa_key(), kid="key-1"), jwk(rsa_key(number=1), kid="key-1"), jwk(p256_key(), kid="key-2")
    )

    assert refusal(desk) == "ambiguous_key"
    assert refusal(desk, number=1) == "ambiguous_key"
    text = by_issuer(p256_key(), kid="key-2", algorithm="ES256")
    assert desk.verify(text).session_id == SESSION


def test_a_key_without_a_kid_is_not_found_by_one(desk: Desk) -> None:
    desk.issuer.publishes(jwk(rsa_key()))

    assert refusal(desk, kid="key-1") == "unknown_key"
    assert good(desk, kid=None)


def test_addresses_without_keys_make_room_before_an_issuers_keys_do() -> None:
    """A set in memory is all there is of it while its issuer is down."""
    issuer, clock = Issuer(), MovableClock()
    sets = key_sets(issuer, clock)
    issuer.publishes(jwk(rsa_key(), kid="key-1"), at="good")
    sets.current("good")
    for number in range(MAX_ENTRIES + 10):
        with pytest.raises(KeysUnavailable):
            sets.current(f"down-{number}")

    issuer.is_down(at="good")
    clock.advance(HOUR)
    assert sets.current("good")


def test_memory_is_bounded_and_drops_the_address_not_used_for_longest() -> None:
    issuer, clock = Issuer(), MovableClock()
    sets = key_sets(issuer, clock)
    for number in range(MAX_ENTRIES + 1):
        issuer.publishes(at=str(number))
        sets.current(str(number))
        sets.current("0")

    assert issuer.fetched.count("0") == 1
    sets.current("1")
    assert issuer.fetched.count("1") == 2
