"""A merchant's own keys: which secrets are taken, when one is read again, and what stands in while none can be read."""

from typing import Any

import pytest

from proofs.signing_keys import ALGORITHM, signing_keys
from tests.fakes.clock import MovableClock
from tests.fakes.proofs import OTHER_SECRET, SECRET, SESSION, Desk, by_backend
from tests.fakes.secrets import MemorySecrets
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, StorageUnavailable

DOWN = StorageUnavailable("The merchant's secret could not be read just now. Try again.")
BROKEN = MerchantMisconfigured("The secret is not usable.")


@pytest.fixture
def desk() -> Desk:
    return Desk()


# Which secrets are taken


@pytest.mark.parametrize(
    "keys",
    [
        {"k1": SECRET},
        {"k1": SECRET, "k2": OTHER_SECRET},
        {str(number): SECRET for number in range(5)},
        {"k1": "é" * 16},
        {"k1": "s" * 4096},
        {"2026-11-21": SECRET},
    ],
)
def test_one_to_five_keys_are_taken(keys: dict[str, str]) -> None:
    found = signing_keys(MemorySecrets(acme={"keys": keys}), MovableClock()).current("acme")

    assert {key.kid: key.material for key in found} == {kid: text.encode() for kid, text in keys.items()}
    assert {key.algorithm for key in found} == {ALGORITHM}
    assert not any(text in repr(found) for text in keys.values())


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {"keys": {}},
        *({"keys": keys} for keys in (None, SECRET, [SECRET])),
        *({"keys": {"k1": key}} for key in ("s" * 31, "é" * 15, "s" * 4097, None, 10**40, [SECRET], "\ud800" * 32)),
        {"keys": {"k1": SECRET, "k2": "short"}},
        {"keys": {"": SECRET}},
        {"keys": {"k" * 257: SECRET}},
        {"keys": {str(number): SECRET for number in range(6)}},
        {"keys": {"k1": SECRET}, "note": "x"},
        {"key": SECRET},
        {"kid": "k1", "secret": SECRET},
    ],
)
def test_a_secret_of_another_shape_is_no_key(desk: Desk, secret: dict[str, Any]) -> None:
    desk.secrets.stored["acme"] = secret

    assert desk.unavailable(by_backend()) == "secret_unusable"


# When it is read again; more of that is in test_proof_key_cache.py


def test_a_new_key_works_at_once_and_an_old_one_until_that_is_known(desk: Desk) -> None:
    desk.verify(by_backend(kid="k1"))
    desk.secrets.stored["acme"] = {"keys": {"k2": OTHER_SECRET}}

    assert desk.verify(by_backend(SECRET, kid="k1")).session_id == SESSION
    assert desk.verify(by_backend(OTHER_SECRET, kid="k2")).session_id == SESSION
    assert desk.refusal(by_backend(SECRET, kid="k1")) == "unknown_key"
    assert len(desk.secrets.reads) == 1 + 1


# While it cannot be read


def test_keys_read_before_stand_in_while_secrets_manager_does_not_answer(desk: Desk) -> None:
    desk.verify(by_backend())
    desk.secrets.failure = DOWN
    for _ in range(29):
        desk.clock.advance(30)
        assert desk.verify(by_backend(now=desk.clock.now())).session_id == SESSION

    desk.clock.advance(30)
    assert desk.unavailable(by_backend()) == "secret_unreadable"


def test_a_failure_is_not_tried_again_for_five_seconds(desk: Desk) -> None:
    """Secrets Manager's time-outs are longer than a storefront waits, and its calls cost money."""
    failures = {"secret_unreadable": DOWN, "secret_unusable": BROKEN, "no_secret": MerchantNotFound("None.")}
    for reason, desk.secrets.failure in failures.items():
        desk.secrets.reads.clear()
        assert [desk.unavailable(by_backend()) for _ in range(10)] == [reason] * 10
        assert len(desk.secrets.reads) == 1
        desk.clock.advance(5)

    desk.secrets.failure = None
    assert desk.verify(by_backend()).session_id == SESSION


@pytest.mark.parametrize("gone", [None, {"keys": {}}])
def test_keys_that_were_taken_back_do_not_stand_in(desk: Desk, gone: dict[str, Any] | None) -> None:
    desk.verify(by_backend())
    desk.secrets.stored.clear()
    if gone is not None:
        desk.secrets.stored["acme"] = gone
    desk.unavailable(by_backend(kid="junk"))  # has the secret read again

    desk.clock.advance(5)
    desk.secrets.failure = DOWN
    assert desk.unavailable(by_backend()) == "secret_unreadable"
