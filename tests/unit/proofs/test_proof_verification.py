"""A merchant's JWT proves a session: whose it must be, for whom, for how long, and what else it must say."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from proofs.outcomes import Proof
from tests.fakes.clock import NOW, MovableClock
from tests.fakes.proofs import (
    AUDIENCE,
    HS256,
    LOGIN,
    OIDC,
    SECRET,
    SESSION,
    SHOP,
    Desk,
    by_backend,
    by_hand,
    by_issuer,
    claims,
    ed25519_key,
    jwk,
    p256_key,
    p384_key,
    rsa_key,
)
from token_broker.storefronts.trust_policy import ProofRule

DAY = 24 * 60 * 60
EXP = int(NOW) + 600


def hs256(payload: Any) -> str:
    """Build a proof with a good signature and claims that PyJWT would not write."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    return by_hand({"alg": "HS256"}, payload, lambda signed: algorithm.sign(signed, SECRET.encode()))


@pytest.fixture
def desk() -> Desk:
    return Desk()


# What is taken


def test_a_backends_and_an_issuers_proof_name_their_session_and_their_end(desk: Desk) -> None:
    assert desk.verify(by_backend()) == Proof(SESSION, EXP, SHOP)
    assert desk.verify(by_backend(kid="k1")) == Proof(SESSION, EXP, SHOP)
    assert desk.verify(by_issuer()) == Proof(SESSION, EXP, LOGIN)


@pytest.mark.parametrize(
    ("key", "algorithm", "named"),
    [
        (rsa_key, "RS256", None),
        (rsa_key, "PS256", "PS256"),
        (p256_key, "ES256", None),
        (p384_key, "ES384", "ES384"),
        (ed25519_key, "EdDSA", None),
    ],
)
def test_each_algorithm_is_taken_with_its_key(
    desk: Desk, key: Callable[[], Any], algorithm: str, named: str | None
) -> None:
    desk.issuer.publishes(jwk(key(), kid="key-1", alg=named))

    assert desk.verify(by_issuer(key(), algorithm=algorithm)).session_id == SESSION


def test_decisions_with_known_keys_fetch_nothing(desk: Desk) -> None:
    for _ in range(3):
        desk.verify(by_backend())
        desk.verify(by_issuer())

    assert len(desk.issuer.fetched) == 1
    assert len(desk.secrets.reads) == 1


# Issuer: it picks the rule


@pytest.mark.parametrize("issuer", ["https://evil.example", f"{SHOP}/", SHOP.upper(), ""])
def test_an_issuer_that_the_policy_does_not_name_is_refused(desk: Desk, issuer: str) -> None:
    assert desk.refusal(by_backend(iss=issuer)) == "unknown_issuer"
    assert desk.secrets.reads == []


@pytest.mark.parametrize("issuer", [None, [SHOP], {"a": SHOP}, 1, True])
def test_an_issuer_that_is_no_text_is_refused(desk: Desk, issuer: Any) -> None:
    assert desk.refusal(hs256({**claims(), "iss": issuer})) == "unknown_issuer"
    assert desk.refusal(by_backend(iss=None)) == "unknown_issuer"


def test_no_rule_and_two_rules_for_one_issuer_are_no_rule() -> None:
    assert Desk(rules=()).refusal(by_backend()) == "unknown_issuer"
    desk = Desk(rules=(HS256, ProofRule(SHOP, "another-audience", "sid", {})))

    assert desk.refusal(by_backend()) == "unknown_issuer"


# Audience


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_the_audience_may_be_one_of_several(desk: Desk, audience: Any) -> None:
    assert desk.verify(by_backend(aud=audience)).session_id == SESSION


@pytest.mark.parametrize(
    "audience", ["other", AUDIENCE.upper(), f"{AUDIENCE} ", ["other"], [[AUDIENCE]], [AUDIENCE, 1], {AUDIENCE: 1}, 1]
)
def test_another_audience_is_refused(desk: Desk, audience: Any) -> None:
    assert desk.refusal(by_backend(aud=audience)) == "wrong_audience"


@pytest.mark.parametrize("audience", [None, "", []])
def test_a_proof_for_nobody_is_refused(desk: Desk, audience: Any) -> None:
    assert desk.refusal(by_backend(aud=audience)) == "missing_claim"


# Time


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"exp": EXP}, None),
        ({"exp": int(NOW) - 29}, None),
        ({"exp": int(NOW) - 30}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": int(NOW) + DAY + 30}, None),
        ({"exp": int(NOW) + DAY + 31}, "too_long"),
        ({"exp": EXP * 1000}, "too_long"),
        ({"exp": 10**4000}, "too_long"),
        ({"nbf": int(NOW) + 30}, None),
        ({"nbf": int(NOW) + 31}, "not_yet_valid"),
        ({"nbf": 10**4000}, "not_yet_valid"),
        ({"iat": int(NOW) + 30}, None),
        ({"iat": int(NOW) + 31}, "not_yet_valid"),
        ({"iat": 0, "nbf": 0}, None),
    ],
)
def test_a_proof_is_good_for_its_time_give_or_take_thirty_seconds(
    desk: Desk, times: dict[str, Any], reason: str | None
) -> None:
    text = by_backend(**times)

    if reason is None:
        assert desk.verify(text).expires_at == times.get("exp", EXP)
    else:
        assert desk.refusal(text) == reason


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [f'"{EXP}"', f"{EXP}.5", f"{NOW}", "1e999", "-1", "true", "false", "[]", "{}"])
def test_a_time_that_is_no_whole_number_is_refused(desk: Desk, name: str, value: str) -> None:
    others = ", ".join(f'"{each}": {said}' for each, said in {"exp": EXP, "iat": 1, "nbf": 1}.items() if each != name)
    payload = f'{{"iss": "{SHOP}", "aud": "{AUDIENCE}", "sid": "s", {others}, "{name}": {value}}}'

    assert desk.refusal(hs256(payload)) == "bad_time"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1" * 5000])
def test_a_time_that_is_no_json_is_refused(desk: Desk, value: str) -> None:
    payload = f'{{"iss": "{SHOP}", "aud": "{AUDIENCE}", "sid": "s", "exp": {value}}}'

    assert desk.refusal(hs256(payload)) == "malformed"


@pytest.mark.parametrize("payload", [{"exp": None}, {}])
def test_a_proof_without_an_end_is_refused(desk: Desk, payload: dict[str, Any]) -> None:
    usual = {name: value for name, value in claims().items() if name != "exp"}

    assert desk.refusal(hs256({**usual, **payload})) == "missing_claim"


@pytest.mark.parametrize("now", [1_000_000_000.0, 4_000_000_000.0])
def test_time_is_read_from_our_clock_alone(now: float) -> None:
    """Decades before and after now: to PyJWT's own clock the first has expired and the second is not valid yet."""
    desk = Desk(clock=MovableClock(now))
    text = by_backend(now=now, iat=int(now), nbf=int(now))
    with pytest.raises((jwt.ExpiredSignatureError, jwt.ImmatureSignatureError)):
        jwt.decode(text, SECRET, ["HS256"], audience=AUDIENCE)

    assert desk.verify(text).expires_at == int(now) + 600
    desk.clock.advance(630)
    assert desk.refusal(text) == "expired"
    desk.clock.advance(-661)
    assert desk.refusal(text) == "not_yet_valid"


# Session


@pytest.mark.parametrize("session", ["s", "s" * 256, "a b", "sécurité 🔒", "../x", "a/b?c#d"])
def test_a_session_is_what_a_request_may_name(desk: Desk, session: str) -> None:
    assert desk.verify(by_backend(sid=session)).session_id == session


@pytest.mark.parametrize(
    "session", [None, "", " ", "s" * 257, "a\nb", "a\x00", "a\u2028b", 7, 7.5, True, ["s"], {"s": 1}]
)
def test_a_session_that_no_request_could_name_is_refused(desk: Desk, session: Any) -> None:
    assert desk.refusal(by_backend(sid=session)) == "bad_session"


def test_the_policy_says_which_claim_carries_the_session() -> None:
    desk = Desk(rules=(ProofRule(SHOP, AUDIENCE, "https://shop.example/session", {}),))

    assert desk.verify(by_backend(**{"https://shop.example/session": "mine"})).session_id == "mine"
    assert desk.refusal(by_backend()) == "bad_session"


# Claims that must match


@pytest.mark.parametrize(
    ("required", "said"),
    [
        *((each, each) for each in ("demo", 1, 1.5, 2**53, True, False)),
        ("demo", ["other", "demo"]),
        (1, 1.0),
        (False, [1, False]),
    ],
)
def test_a_required_claim_has_its_value_or_has_it_in_its_list(required: Any, said: Any) -> None:
    desk = Desk(rules=(ProofRule(SHOP, AUDIENCE, "sid", {"shop": required}),))

    assert desk.verify(by_backend(shop=said)).session_id == SESSION


@pytest.mark.parametrize(
    ("required", "said"),
    [
        *(("demo", said) for said in (None, "Demo", "demo ", ["other"], [], [["demo"]], {"demo": "demo"})),
        ("1", 1),
        *((1, said) for said in ("1", True, [True])),
        *((0, said) for said in (False, "")),
        *((True, said) for said in (1, "true")),
        *((False, said) for said in (0, None)),
    ],
)
def test_a_required_claim_of_another_value_or_type_is_refused(required: Any, said: Any) -> None:
    desk = Desk(rules=(ProofRule(SHOP, AUDIENCE, "sid", {"shop": required}),))

    assert desk.refusal(by_backend(shop=said)) == "wrong_claim"


def test_all_required_claims_must_match() -> None:
    desk = Desk(rules=(ProofRule(SHOP, AUDIENCE, "sid", {"shop": "demo", "verified": True}),))

    assert desk.verify(by_backend(shop="demo", verified=True)).session_id == SESSION
    assert desk.refusal(by_backend(shop="demo")) == "wrong_claim"
    assert desk.refusal(by_backend(verified=True)) == "wrong_claim"


def test_the_issuers_rule_has_claims_of_its_own() -> None:
    desk = Desk(rules=(ProofRule(SHOP, AUDIENCE, "sid", {"shop": "demo"}), OIDC))

    assert desk.verify(by_issuer()).issuer == LOGIN
    assert desk.refusal(by_backend()) == "wrong_claim"
