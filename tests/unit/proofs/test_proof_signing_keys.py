"""A merchant's own keys: which secrets are taken, when one is read again, and what stands in while none can be read."""

from typing import Any

import pytest

from proofs.outcomes import KeysUnavailable, ProofRejected
from proofs.signing_keys import ALGORITHM, signing_keys
from tests.fakes.clock import MovableClock
from tests.fakes.proofs import OTHER_SECRET, SECRET, SESSION, Desk, by_backend
from tests.fakes.secrets import MemorySecrets
from token_broker.errors import MerchantMisconfigured, StorageUnavailable

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
        {"keys": None},
        {"keys": SECRET},
        {"keys": [SECRET]},
        {"keys": {"k1": "s" * 31}},
        {"keys": {"k1": "é" * 15}},
        {"keys": {"k1": SECRET, "k2": "short"}},
        {"keys": {"k1": "s" * 4097}},
        {"keys": {"k1": None}},
        {"keys": {"k1": 10**40}},
        {"keys": {"k1": [SECRET]}},
        {"keys": {"k1": "\ud800" * 32}},
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


def test_a_merchant_without_the_secret_has_no_keys(desk: Desk) -> None:
    desk.secrets.stored.clear()

    assert desk.unavailable(by_backend()) == "no_secret"


def test_a_secret_that_the_port_finds_broken_is_no_key(desk: Desk) -> None:
    desk.secrets.failure = BROKEN

    assert desk.unavailable(by_backend()) == "secret_unusable"


# Which key


def test_a_kid_names_its_key(desk: Desk) -> None:
    desk.secrets.stored["acme"] = {"keys": {"k1": SECRET, "k2": OTHER_SECRET}}

    assert desk.verify(by_backend(SECRET, kid="k1")).session_id == SESSION
    assert desk.verify(by_backend(OTHER_SECRET, kid="k2")).session_id == SESSION
    assert desk.refusal(by_backend(SECRET, kid="k2")) == "bad_signature"


def test_without_a_kid_there_must_be_one_key_only(desk: Desk) -> None:
    desk.secrets.stored["acme"] = {"keys": {"k1": SECRET, "k2": OTHER_SECRET}}

    assert desk.refusal(by_backend(SECRET)) == "ambiguous_key"
    assert len(desk.secrets.reads) == 1


# When it is read again


@pytest.mark.parametrize(("kid", "keys"), [("k2", {"k1": SECRET, "k2": OTHER_SECRET}), (None, {"k2": OTHER_SECRET})])
def test_a_new_key_works_at_once(desk: Desk, kid: str | None, keys: dict[str, str]) -> None:
    desk.verify(by_backend())
    desk.secrets.stored["acme"] = {"keys": keys}

    assert desk.verify(by_backend(OTHER_SECRET, kid=kid)).session_id == SESSION
    assert len(desk.secrets.reads) == 1 + 1


def test_a_key_changed_under_its_name_works_at_once(desk: Desk) -> None:
    desk.verify(by_backend(kid="k1"))
    desk.secrets.stored["acme"] = {"keys": {"k1": OTHER_SECRET}}

    assert desk.verify(by_backend(OTHER_SECRET, kid="k1")).session_id == SESSION
    assert desk.refusal(by_backend(SECRET, kid="k1")) == "bad_signature"


def test_a_key_that_was_taken_back_is_refused_once_that_is_known(desk: Desk) -> None:
    desk.verify(by_backend(kid="k1"))
    desk.secrets.stored["acme"] = {"keys": {"k2": OTHER_SECRET}}
    desk.verify(by_backend(OTHER_SECRET, kid="k2"))

    assert desk.refusal(by_backend(SECRET, kid="k1")) == "unknown_key"


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
    for failure in (DOWN, BROKEN):
        desk.secrets.failure = failure
        desk.secrets.reads.clear()
        for _ in range(10):
            desk.unavailable(by_backend())
        assert len(desk.secrets.reads) == 1
        desk.clock.advance(5)

    desk.secrets.failure = None
    assert desk.verify(by_backend()).session_id == SESSION


def test_a_missing_secret_is_not_asked_for_with_every_proof(desk: Desk) -> None:
    stored = desk.secrets.stored.pop("acme")
    for _ in range(10):
        assert desk.unavailable(by_backend()) == "no_secret"
    assert len(desk.secrets.reads) == 1

    desk.secrets.stored["acme"] = stored
    desk.clock.advance(5)
    assert desk.verify(by_backend()).session_id == SESSION


def test_junk_during_an_outage_does_not_cost_the_good_their_keys(desk: Desk) -> None:
    """A fresh reading that fails leaves the port with nothing in its memory."""
    desk.verify(by_backend())
    desk.secrets.failure = DOWN

    assert desk.unavailable(by_backend(kid="junk")) == "secret_unreadable"
    assert desk.verify(by_backend()).session_id == SESSION


@pytest.mark.parametrize("junk", [by_backend(OTHER_SECRET), by_backend(kid="junk")])
def test_one_proof_waits_for_a_secrets_manager_that_hangs_once_at_most(desk: Desk, junk: str) -> None:
    """Each reading takes seconds then; two would outlive the authorizer, and the keys in its memory with it."""
    desk.verify(by_backend())
    desk.clock.advance(60)
    desk.secrets.failure = DOWN
    desk.secrets.reads.clear()

    with pytest.raises((ProofRejected, KeysUnavailable)):
        desk.verify(junk)

    assert len(desk.secrets.reads) == 1


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
