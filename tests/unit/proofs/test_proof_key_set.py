"""Which of an issuer's published keys a proof can be checked with."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from proofs.key_set import MAX_KEYS, parse
from proofs.outcomes import KeysUnavailable
from tests.fakes.proofs import ed25519_key, jwk, jwks, p256_key, p384_key, rsa_key


def taken(*published: Any) -> list[tuple[str | None, str]]:
    return [(key.kid, key.algorithm) for key in parse(jwks(*published))]


def rsa_of(bits: int, exponent: int = 65537) -> dict[str, Any]:
    """Of that many bits, and no key at all: too long to be made in a test."""
    return jwk(rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) + 1).public_key())


# Kinds and algorithms


@pytest.mark.parametrize(
    ("published", "algorithm"),
    [
        *[(jwk(rsa_key(), alg=alg), alg or "RS256") for alg in (None, "RS256", "PS256")],
        *[(jwk(p256_key(), alg=alg), "ES256") for alg in (None, "ES256")],
        *[(jwk(p384_key(), alg=alg), "ES384") for alg in (None, "ES384")],
        *[(jwk(ed25519_key(), alg=alg), "EdDSA") for alg in (None, "EdDSA")],
    ],
)
def test_the_key_says_which_algorithm_it_is_for(published: dict[str, Any], algorithm: str) -> None:
    assert taken({**published, "kid": "a"}) == [("a", algorithm)]


@pytest.mark.parametrize(
    "published",
    [
        *[jwk(rsa_key(), alg=alg) for alg in ("RS384", "RSA-OAEP", "HS256", "none", "ES256", "rs256", ["RS256"], 0)],
        *[jwk(rsa_key(), kty=kty) for kty in ("EC", "rsa", None, ["RSA"])],
        jwk(rsa_key(), crv="P-256"),
        *[jwk(p256_key(), alg=alg) for alg in ("RS256", "ES384", "HS256")],
        *[jwk(p256_key(), crv=crv) for crv in ("P-384", None, ["P-256"])],
        jwk(ed25519_key(), alg="RS256"),
        *[jwk(ed25519_key(), crv=crv) for crv in ("X25519", None)],
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP521R1()).public_key(), as_dict=True),
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key(), as_dict=True),
        OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True),
        *[{**HMACAlgorithm.to_jwk(b"s" * 32, as_dict=True), **named} for named in ({}, {"alg": "RS256"})],
        {**jwk(rsa_key()), "k": "AAAA"},
    ],
)
def test_a_key_of_another_kind_or_purpose_is_passed_over(published: dict[str, Any]) -> None:
    assert taken(published, jwk(p256_key(), kid="good")) == [("good", "ES256")]


@pytest.mark.parametrize(
    "private",
    [
        {**RSAAlgorithm.to_jwk(rsa_key(), as_dict=True), "key_ops": ["verify"]},
        ECAlgorithm.to_jwk(p256_key(), as_dict=True),
        OKPAlgorithm.to_jwk(ed25519_key(), as_dict=True),
        jwk(rsa_key(), p="AQAB"),
        jwk(rsa_key(), d=7),
    ],
)
def test_a_private_key_that_was_published_is_anybodys_and_passed_over(private: dict[str, Any]) -> None:
    assert taken(private) == []


# Purpose


@pytest.mark.parametrize(
    "purpose",
    [{}, {"use": "sig"}, {"key_ops": ["verify", "sign"]}, {"use": "sig", "key_ops": ["verify"]}],
)
def test_a_key_for_signatures_is_taken(purpose: dict[str, Any]) -> None:
    assert taken(jwk(rsa_key(), kid="a", **purpose)) == [("a", "RS256")]


@pytest.mark.parametrize(
    "purpose",
    [
        *({"use": use} for use in ("enc", "SIG", ["sig"], "")),
        *({"key_ops": ops} for ops in ([], ["sign"], ["encrypt", "wrapKey"], "verify", {"verify": True})),
        {"use": "enc", "key_ops": ["verify"]},
        {"use": "sig", "key_ops": ["sign"]},
    ],
)
def test_a_key_for_something_else_is_passed_over(purpose: dict[str, Any]) -> None:
    assert taken(jwk(rsa_key(), **purpose)) == []


@pytest.mark.parametrize("kid", [1, True, ["a"], {"a": 1}])
def test_a_key_whose_name_is_no_text_is_passed_over(kid: Any) -> None:
    assert taken(jwk(rsa_key(), kid=kid)) == []


# Strength


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_keys_of_usual_sizes_are_taken(bits: int) -> None:
    assert taken(rsa_of(bits)) == [(None, "RS256")]


@pytest.mark.parametrize("bits", [512, 1024, 2047, 4097, 8192, 16384])
def test_rsa_keys_that_are_weak_or_slow_are_passed_over(bits: int) -> None:
    assert taken(rsa_of(bits)) == []


def test_rsa_exponents_that_only_cost_time_are_passed_over() -> None:
    assert taken(rsa_of(2048, 3), rsa_of(2048, 2**32 - 1), rsa_of(2048, 2**32 + 1), rsa_of(2048, 2**2000 + 1)) == [
        (None, "RS256"),
        (None, "RS256"),
    ]


@pytest.mark.parametrize(
    "published",
    [
        *[jwk(rsa_key(), n=n) for n in (None, "", 7, ["AQAB"], "!!!!", jwk(rsa_key())["n"] + "=", "A" * 60_000)],
        *[jwk(rsa_key(), e=e) for e in (None, "AA", "AQ", "Ag", 65537)],
        *[jwk(p256_key(), x=x) for x in ("AQAB", 7)],
        *[jwk(p256_key(), y=y) for y in (jwk(p256_key())["x"], None)],
        *[jwk(ed25519_key(), x=x) for x in ("AQAB", None)],
    ],
)
def test_numbers_that_make_no_key_are_passed_over(published: dict[str, Any]) -> None:
    assert taken(published) == []


def test_other_members_do_not_matter() -> None:
    usual = jwk(rsa_key(), kid="a", x5c=["MIIB"], x5t="AAAA", issuer="https://login.example", use="sig")

    assert taken(usual) == [("a", "RS256")]


# The document


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html></html>",
        b"[]",
        b"{}",
        b'{"keys": null}',
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [{"kid": "a", "kid": "b"}]}',
        b'{"keys": [NaN]}',
        b'{"keys": ' + b"[" * 5000,
        b'{"keys": []} x',
        '{"keys": []}'.encode("utf-16"),
        b'{"keys": ["\xff"]}',
    ],
)
def test_what_is_no_key_set_is_refused_whole(document: bytes) -> None:
    with pytest.raises(KeysUnavailable, match="cannot be checked"):
        parse(document)


def test_an_empty_set_is_a_set() -> None:
    assert parse(b'{"keys": []}') == ()


@pytest.mark.parametrize("entry", [None, 1, "key", [], {}, [{"kty": "RSA"}]])
def test_an_entry_that_is_no_key_is_passed_over(entry: Any) -> None:
    assert taken(entry, jwk(rsa_key(), kid="a")) == [("a", "RS256")]


def test_the_first_twenty_entries_are_looked_at() -> None:
    published = [jwk(p256_key(), kid=str(number)) for number in range(MAX_KEYS + 1)]

    assert [kid for kid, _ in taken(*published)] == [str(number) for number in range(MAX_KEYS)]
    assert taken(*[{}] * MAX_KEYS, published[0]) == []


def test_a_key_shows_no_number_of_its_own() -> None:
    (key,) = parse(json.dumps({"keys": [jwk(rsa_key(), kid="a")]}).encode())

    assert repr(key) == "Key(kid='a', algorithm='RS256')"
