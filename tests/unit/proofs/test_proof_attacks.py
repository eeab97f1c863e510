"""What an attacker does to a JWT: none of it is taken, and hardly any of it costs a look at keys."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proofs.outcomes import KeysUnavailable
from tests.fakes.clock import NOW
from tests.fakes.proofs import (
    AUDIENCE,
    HS256,
    LOGIN,
    OIDC,
    OTHER_SECRET,
    SECRET,
    SESSION,
    SHOP,
    Desk,
    base64url,
    by_backend,
    by_hand,
    by_issuer,
    claims,
    jwk,
    jwks,
    p256_key,
    rsa_key,
)
from token_broker.storefronts.trust_policy import ProofRule


@pytest.fixture
def desk() -> Desk:
    return Desk()


def hmac_sha256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


def public(encoding: Encoding, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return rsa_key().public_key().public_bytes(encoding, form)


#: The issuer's public key in each form in which somebody has ever taken it for a secret.
PUBLIC_KEYS = {
    "pem": public(Encoding.PEM),
    "pem without its last line break": public(Encoding.PEM).strip(),
    "pem, pkcs1": public(Encoding.PEM, PublicFormat.PKCS1),
    "der": public(Encoding.DER),
    "der, pkcs1": public(Encoding.DER, PublicFormat.PKCS1),
    "ssh": public(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "jwk": json.dumps(jwk(rsa_key(), kid="key-1")).encode(),
    "jwk without blanks": json.dumps(jwk(rsa_key(), kid="key-1"), separators=(",", ":")).encode(),
    "jwks": jwks(jwk(rsa_key(), kid="key-1")),
    "modulus": jwk(rsa_key())["n"].encode(),
}


# Algorithms


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("issuer", [SHOP, LOGIN])
@pytest.mark.parametrize("signature", [b"", b"anything"])
def test_no_signature_is_no_proof(desk: Desk, algorithm: str, issuer: str, signature: bytes) -> None:
    text = by_hand({"alg": algorithm, "typ": "JWT"}, claims(issuer), lambda _: signature)

    assert desk.refusal(text) == "wrong_algorithm"
    assert desk.issuer.fetched == []
    assert desk.secrets.reads == []


def test_a_signature_cut_off_is_refused(desk: Desk) -> None:
    for text in (by_backend(), by_issuer()):
        cut = text.rpartition(".")[0]
        assert desk.refusal(f"{cut}.") == "bad_signature"
        assert desk.refusal(cut) == "malformed"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "RS384", "RS512", "ES512", "ES256K", "PS512", "HS1"])
def test_an_algorithm_that_goes_with_no_key_of_an_issuer_is_refused(desk: Desk, algorithm: str) -> None:
    text = by_hand({"alg": algorithm, "kid": "key-1"}, claims(LOGIN), lambda _: b"x" * 32)

    assert desk.refusal(text) == "wrong_algorithm"
    assert desk.issuer.fetched == []


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_shared_secret_is_for_hs256_only(desk: Desk, algorithm: str) -> None:
    text = jwt.encode(claims(SHOP), SECRET * 2, algorithm)

    assert desk.refusal(text) == "wrong_algorithm"


def test_a_shared_secret_signs_for_its_own_issuer_only(desk: Desk) -> None:
    text = by_hand({"alg": "HS256", "kid": "k1"}, claims(LOGIN), hmac_sha256(SECRET.encode()))

    assert desk.refusal(text) == "wrong_algorithm"


def test_an_issuers_key_does_not_sign_for_the_backend(desk: Desk) -> None:
    text = jwt.encode(claims(SHOP), rsa_key(), "RS256", headers={"kid": "key-1"})

    assert desk.refusal(text) == "wrong_algorithm"


@pytest.mark.parametrize("form", PUBLIC_KEYS)
@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_the_public_key_is_no_secret(desk: Desk, form: str, algorithm: str) -> None:
    desk.verify(by_issuer())  # the key set is known, as it is to everybody
    text = by_hand({"alg": algorithm, "kid": "key-1"}, claims(LOGIN), hmac_sha256(PUBLIC_KEYS[form]))

    assert desk.refusal(text) == ("wrong_algorithm" if algorithm == "HS256" else "bad_signature")


@pytest.mark.parametrize("form", ["pem", "pem, pkcs1", "ssh", "jwk", "jwks"])
def test_a_public_key_that_was_put_into_the_secret_opens_nothing(desk: Desk, form: str) -> None:
    """A merchant's mistake that would let in everybody who knows the public key."""
    desk.secrets.stored["acme"] = {"keys": {"k1": PUBLIC_KEYS[form].decode()}}
    text = by_hand({"alg": "HS256"}, claims(SHOP), hmac_sha256(PUBLIC_KEYS[form]))

    with pytest.raises(KeysUnavailable) as unavailable:
        desk.verify(text)
    assert unavailable.value.reason == "secret_unusable"


@pytest.mark.parametrize(("named", "used"), [("RS256", "PS256"), ("PS256", "RS256"), (None, "PS256")])
def test_the_key_chooses_between_its_algorithms(desk: Desk, named: str | None, used: str) -> None:
    desk.issuer.publishes(jwk(rsa_key(), kid="key-1", alg=named))

    assert desk.refusal(by_issuer(algorithm=used)) == "wrong_algorithm"


def test_a_kid_does_not_lead_to_a_key_of_another_kind(desk: Desk) -> None:
    desk.issuer.publishes(jwk(rsa_key(), kid="key-1"), jwk(p256_key(), kid="key-2"))

    assert desk.refusal(by_issuer(p256_key(), kid="key-1", algorithm="ES256")) == "wrong_algorithm"
    assert desk.refusal(by_issuer(rsa_key(), kid="key-2")) == "wrong_algorithm"


# Signatures


@pytest.mark.parametrize("make", [by_backend, by_issuer])
def test_a_single_changed_character_is_noticed(desk: Desk, make: Callable[[], str]) -> None:
    text = make()
    assert desk.verify(text).session_id == SESSION

    for index, character in enumerate(text):
        for other in "AQgw_" if character == "." else {"A": "B", "_": "-"}.get(character, "A"):
            assert desk.refusal(text[:index] + other + text[index + 1 :])


def test_claims_swapped_under_a_good_signature_are_noticed(desk: Desk) -> None:
    """The proof of session A, made into one for B."""
    for mine, others in ((by_backend(), by_backend(sid="B")), (by_issuer(), by_issuer(sid="B"))):
        header, _, signature = mine.split(".")
        assert desk.refusal(".".join((header, others.split(".")[1], signature))) == "bad_signature"


def test_another_key_signs_nothing(desk: Desk) -> None:
    assert desk.refusal(by_backend(OTHER_SECRET)) == "bad_signature"
    assert desk.refusal(by_backend(OTHER_SECRET, kid="k1")) == "bad_signature"
    assert desk.refusal(by_issuer(rsa_key(number=1))) == "bad_signature"


def test_one_merchants_proof_opens_nothing_at_another(desk: Desk) -> None:
    """The same policy at both, and still each merchant's own key counts."""
    desk.secrets.stored["other"] = {"keys": {"k1": OTHER_SECRET}}

    assert desk.verify(by_backend(), "acme").session_id == SESSION
    assert desk.refusal(by_backend(), "other") == "bad_signature"
    assert desk.verify(by_backend(OTHER_SECRET), "other").session_id == SESSION


def test_an_issuer_of_one_merchant_signs_nothing_for_another(desk: Desk) -> None:
    others = Desk(rules=(ProofRule(LOGIN, AUDIENCE, "sid", {}, "https://login.example/others.json"),))
    others.issuer.publishes(jwk(rsa_key(number=1), kid="key-1"), at="https://login.example/others.json")

    assert others.refusal(by_issuer()) == "bad_signature"


def test_an_issuer_cannot_speak_for_the_backend() -> None:
    """Both are trusted, each for itself: a claim `iss` leads to its own keys."""
    desk = Desk(rules=(HS256, OIDC))
    text = jwt.encode({**claims(SHOP)}, rsa_key(), "RS256", headers={"kid": "k1"})

    assert desk.refusal(text) == "wrong_algorithm"


# Headers


@pytest.mark.parametrize(
    "member",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/chain.pem"},
        {"jwk": jwk(rsa_key(number=1))},
        {"x5c": ["MIIB"]},
        {"jku": None},
    ],
)
def test_a_header_that_brings_its_own_key_or_rules_is_refused(desk: Desk, member: dict[str, Any]) -> None:
    """Signed by the merchant's own key even: whoever has it has no use for these."""
    header = {"alg": "HS256", "kid": "k1", **member}

    assert desk.refusal(by_hand(header, claims(SHOP), hmac_sha256(SECRET.encode()))) == "refused_header"
    assert desk.issuer.fetched == []
    assert desk.secrets.reads == []


def test_a_key_in_the_header_is_not_used(desk: Desk) -> None:
    mine = rsa_key(number=1)
    text = jwt.encode(claims(LOGIN), mine, "RS256", headers={"kid": "key-1", "jwk": jwk(mine)})

    assert desk.refusal(text) == "refused_header"


@pytest.mark.parametrize("kid", [None, "", 1, True, ["k1"], {"k1": 1}, "k" * 257])
def test_a_kid_that_is_no_short_text_is_refused(desk: Desk, kid: Any) -> None:
    text = by_hand({"alg": "HS256", "kid": kid}, claims(SHOP), hmac_sha256(SECRET.encode()))

    assert desk.refusal(text) == "malformed"


@pytest.mark.parametrize(
    "kid", ["../../../../dev/null", "k1' OR '1'='1", "k1\x00", "K1", " k1", "https://evil.example"]
)
def test_a_kid_is_a_name_and_nothing_else(desk: Desk, kid: str) -> None:
    assert desk.refusal(by_backend(kid=kid)) == "unknown_key"
    assert desk.refusal(by_issuer(kid=kid)) == "unknown_key"
    assert set(desk.issuer.fetched) == {OIDC.jwks_uri}


@pytest.mark.parametrize("header", [{}, {"alg": None}, {"alg": 1}, {"alg": ["HS256"]}, {"alg": {"HS256": 1}}])
def test_an_algorithm_that_is_no_text_is_refused(desk: Desk, header: dict[str, Any]) -> None:
    assert desk.refusal(by_hand(header, claims(SHOP), hmac_sha256(SECRET.encode()))) == "malformed"


# JSON and forms


@pytest.mark.parametrize(
    "header",
    [
        '{"alg": "none", "alg": "HS256"}',
        '{"alg": "HS256", "alg": "none"}',
        '{"alg": "HS256", "\\u0061lg": "HS256"}',
        '{"alg": "HS256", "kid": "k1", "kid": "k2"}',
        '{"alg": "HS256"} ,',
        '{"alg": "HS256"}{}',
        "\ufeff" + '{"alg": "HS256"}',
        "[]",
        '"HS256"',
        "null",
        "",
        "{",
        '{"alg": "HS256", "x": ' + "[" * 40 + "]" * 40 + "}",
        '{"alg": "HS256", "x": ' + "[" * 2900,
        '{"alg": "HS256", "x": "\\ud800"}',
        '{"alg": "HS256", "x": NaN}',
    ],
)
def test_a_header_that_can_be_read_in_two_ways_is_refused(desk: Desk, header: str) -> None:
    assert desk.refusal(by_hand(header, claims(SHOP), hmac_sha256(SECRET.encode()))) == "malformed"


@pytest.mark.parametrize(
    "payload",
    [
        f'{{"iss": "{SHOP}", "aud": "{AUDIENCE}", "exp": {int(NOW) + 9}, "sid": "A", "sid": "B"}}',
        f'{{"iss": "{LOGIN}", "aud": "{AUDIENCE}", "exp": {int(NOW) + 9}, "sid": "A", "iss": "{SHOP}"}}',
        f'{{"iss": "{SHOP}", "aud": "{AUDIENCE}", "exp": 1, "exp": {int(NOW) + 9}, "sid": "A"}}',
        "[]",
        '"text"',
        "",
        "not json",
    ],
)
def test_claims_that_can_be_read_in_two_ways_are_refused(desk: Desk, payload: str) -> None:
    assert desk.refusal(by_hand({"alg": "HS256"}, payload, hmac_sha256(SECRET.encode()))) == "malformed"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_claims_in_another_encoding_are_refused(desk: Desk, encoding: str) -> None:
    """PyJWT reads all of Unicode's encodings; another reader may read something else in the same bytes."""
    octets = json.dumps(claims(SHOP, sid="é"), ensure_ascii=False).encode(encoding)
    signed = f"{base64url(b'{"alg": "HS256"}')}.{base64url(octets)}"
    signature = base64url(hmac_sha256(SECRET.encode())(signed.encode()))

    assert desk.refusal(f"{signed}.{signature}") == "malformed"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: ".",
        lambda text: "..",
        lambda text: "...",
        lambda text: f" {text}",
        lambda text: f"{text} ",
        lambda text: f"{text}\n",
        lambda text: f"{text}=",
        lambda text: f"{text}.",
        lambda text: f".{text}",
        lambda text: f"{text}.{text}",
        lambda text: f"{text}, {text}",
        lambda text: text.replace(".", ".."),
        lambda text: text.replace(".", "%2e"),
        lambda text: f"Bearer {text}",
        lambda text: f"{text}é",
        lambda text: text.split(".")[0] + ".." + text.split(".")[2],
        lambda text: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA",
        lambda text: json.dumps(
            dict(zip(("protected", "payload", "signature"), text.split("."), strict=True)), separators=(",", ":")
        ),
    ],
)
def test_only_the_compact_form_of_a_signed_jwt_is_taken(desk: Desk, change: Callable[[str], str]) -> None:
    assert desk.refusal(change(by_backend())) == "malformed"


def test_a_second_spelling_of_the_same_octets_is_refused(desk: Desk) -> None:
    """The last character of a part has bits to spare; whoever keeps a list of tokens must not meet one twice."""
    text = by_issuer()  # 256 octets: the last character carries two bits of them
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(text[-1])
    again = text[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]

    assert desk.refusal(again) == "malformed"


def test_a_token_beyond_eight_kilobytes_is_not_looked_at(desk: Desk) -> None:
    texts = [by_backend(x="x" * length) for length in range(5800, 6100)]
    fitting = max((text for text in texts if len(text) <= 8192), key=len)
    beyond = min((text for text in texts if len(text) > 8192), key=len)

    assert len(beyond) - len(fitting) <= 2
    assert desk.verify(fitting).session_id == SESSION
    assert desk.refusal(beyond) == "malformed"


# Cost


def test_junk_reads_the_secret_afresh_once_in_thirty_seconds(desk: Desk) -> None:
    for _ in range(20):
        assert desk.refusal(by_backend(kid="junk")) == "unknown_key"
        assert desk.refusal(by_backend(OTHER_SECRET)) == "bad_signature"
    assert len(desk.secrets.reads) == 1 + 1

    desk.clock.advance(30)
    desk.refusal(by_backend(kid="junk"))
    assert len(desk.secrets.reads) == 2 + 2


def test_junk_fetches_the_keys_once_in_sixty_seconds(desk: Desk) -> None:
    desk.verify(by_issuer())
    desk.clock.advance(1)
    for _ in range(20):
        assert desk.refusal(by_issuer(kid="junk")) == "unknown_key"
        assert desk.refusal(by_issuer(rsa_key(number=1))) == "bad_signature"
    assert len(desk.issuer.fetched) == 2

    desk.clock.advance(60)
    desk.refusal(by_issuer(kid="junk"))
    assert len(desk.issuer.fetched) == 3


def test_the_library_is_not_asked_to_check_less(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signature, issuer, audience and the rest are on by PyJWT's own word: only its clock is off."""
    off: list[set[str]] = []
    decode = jwt.decode

    def watched(*args: Any, **given: Any) -> Any:
        off.append({name for name, value in given["options"].items() if value is False})
        return decode(*args, **given)

    monkeypatch.setattr(jwt, "decode", watched)
    desk.verify(by_backend())
    desk.verify(by_issuer())

    assert off == [{"verify_exp", "verify_nbf", "verify_iat"}] * 2


def test_a_secret_shared_by_two_rules_keeps_to_each_rules_audience() -> None:
    """One backend behind two names: what it signs under one name is judged by that name's rule."""
    desk = Desk(rules=(HS256, ProofRule("https://b2b.example", "b2b", "sid", {})))

    assert desk.verify(by_backend(iss="https://b2b.example", aud="b2b")).issuer == "https://b2b.example"
    assert desk.refusal(by_backend(iss="https://b2b.example", aud=AUDIENCE)) == "wrong_audience"
    assert desk.refusal(by_backend(aud="b2b")) == "wrong_audience"
