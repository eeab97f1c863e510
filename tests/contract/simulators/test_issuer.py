"""The OIDC issuer beside the providers: what its verifiers read, what it signs, and how it can be made to fail."""

import json
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from sandbox.simulators import Addresses, ControlClient, ControlError
from tests.contract.exchanges.playing import Reply, send

JWKS = "/.well-known/jwks.json"


def fetch(simulators: Addresses, path: str = JWKS, method: str = "GET") -> Reply:
    return send(simulators["issuer"], method, path)


def published(simulators: Addresses) -> dict[str, jwt.PyJWK]:
    return {key["kid"]: jwt.PyJWK(key) for key in fetch(simulators).json()["keys"]}


def verified(simulators: Addresses, token: str) -> Any:
    key = published(simulators)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=[key.algorithm_name], audience="storefront", issuer=simulators["issuer"])


def test_the_discovery_document_leads_to_the_keys(simulators: Addresses, control: ControlClient) -> None:
    document = fetch(simulators, "/.well-known/openid-configuration").json()

    assert document["issuer"] == simulators["issuer"]
    address = urlsplit(document["jwks_uri"])
    assert (f"{address.scheme}://{address.netloc}", address.path) == (simulators["issuer"], JWKS)
    assert document["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]


def test_the_jwks_holds_one_rsa_and_one_ec_key_and_nothing_private(
    simulators: Addresses, control: ControlClient
) -> None:
    reply = fetch(simulators)
    keys = {key["alg"]: key for key in reply.json()["keys"]}

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert set(keys) == {"RS256", "ES256"}
    assert set(keys["RS256"]) == {"kty", "n", "e", "kid", "use", "alg"}
    assert set(keys["ES256"]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert fetch(simulators).body == reply.body, "the same keys each time"
    assert fetch(simulators, f"{JWKS}?test=1").body == reply.body, "a query makes an address of its own"


@pytest.mark.parametrize(("alg", "wanted"), [(None, "RS256"), ("RS256", "RS256"), ("ES256", "ES256")])
def test_a_signed_token_verifies_against_the_jwks(
    simulators: Addresses, control: ControlClient, alg: str | None, wanted: str
) -> None:
    claims = {"iss": simulators["issuer"], "aud": "storefront", "exp": 4_102_444_800, "n": [1, True, None]}

    token = control.sign(claims, **({} if alg is None else {"alg": alg}))

    assert jwt.get_unverified_header(token)["alg"] == wanted
    assert verified(simulators, token) == claims


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_signs_by_algorithms_that_its_jwk_does_not_name(
    simulators: Addresses, control: ControlClient, alg: str
) -> None:
    token = control.sign({"sub": "s"}, alg=alg)
    key = published(simulators)[jwt.get_unverified_header(token)["kid"]]

    assert jwt.decode(token, key.key, algorithms=[alg]) == {"sub": "s"}
    with pytest.raises(jwt.InvalidAlgorithmError):
        jwt.decode(token, key, algorithms=[key.algorithm_name])


def test_claims_and_header_are_signed_as_given_however_wrong(simulators: Addresses, control: ControlClient) -> None:
    token = control.sign({"exp": "soon", "iss": 5}, headers={"kid": "../etc", "typ": None, "jku": "http://10.0.0.1/"})

    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": "../etc", "jku": "http://10.0.0.1/"}
    key = next(key for key in published(simulators).values() if key.algorithm_name == "RS256")
    assert (
        jwt.PyJWS().decode(token, key, algorithms=["RS256"])
        == json.dumps({"exp": "soon", "iss": 5}, separators=(",", ":")).encode()
    )


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(
    simulators: Addresses, control: ControlClient
) -> None:
    claims = {"iss": simulators["issuer"], "aud": "storefront"}
    before = control.sign(claims)

    kid = control.rotate_issuer_key()

    after = control.sign(claims)
    assert jwt.get_unverified_header(after)["kid"] == kid
    assert len(published(simulators)) == 3
    assert verified(simulators, before) == verified(simulators, after) == claims


def test_a_withdrawn_key_leaves_the_jwks_and_can_still_sign(simulators: Addresses, control: ControlClient) -> None:
    kid = control.rotate_issuer_key(alg="ES256", kid="early", published=False)
    assert kid == "early"
    assert kid not in published(simulators)

    assert control.withdraw_issuer_key() is True

    assert published(simulators) == {}
    assert control.withdraw_issuer_key() is False
    assert jwt.get_unverified_header(control.sign({}, kid=kid)) == {"alg": "ES256", "kid": kid, "typ": "JWT"}
    assert control.state()["issuer"]["keys"] == [
        {"kid": key["kid"], "alg": key["alg"], "published": False} for key in control.issuer_keys()
    ]


def test_the_public_keys_are_told_as_pem(simulators: Addresses, control: ControlClient) -> None:
    token = control.sign({"sub": "s"}, alg="ES256")
    [pem] = [key["publicPem"] for key in control.issuer_keys() if key["alg"] == "ES256"]

    assert jwt.decode(token, pem, algorithms=["ES256"]) == {"sub": "s"}


def test_a_reset_makes_other_keys(simulators: Addresses, control: ControlClient) -> None:
    before = published(simulators).keys()

    control.reset()

    assert not published(simulators).keys() & before


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", f"{JWKS}/", 404), ("POST", JWKS, 405)]
)
def test_nothing_else_is_there(
    simulators: Addresses, control: ControlClient, method: str, path: str, status: int
) -> None:
    assert fetch(simulators, path, method).status == status


def test_requests_for_the_keys_are_noted(simulators: Addresses, control: ControlClient) -> None:
    fetch(simulators)

    [seen] = control.requests("issuer")
    assert (seen["provider"], seen["method"], seen["path"], seen["status"]) == ("issuer", "GET", JWKS, 200)


@pytest.mark.parametrize(
    ("kind", "parameters", "status", "body"),
    [
        ("status", {"status": 500}, 500, b""),
        ("redirect", {"status": 302, "location": "http://169.254.169.254/"}, 302, b""),
        ("garbage", {"body": "<html>"}, 200, b"<html>"),
        ("huge", {"bytes": 6}, 200, b'"aaaa"'),
        ("status", {"status": 200, "body": {"keys": "none"}}, 200, b'{"keys":"none"}'),
    ],
)
def test_the_providers_faults_befall_the_issuer_too(
    simulators: Addresses, control: ControlClient, kind: str, parameters: dict[str, object], status: int, body: bytes
) -> None:
    control.fault("issuer", kind, pathContains="?case=1", **parameters)

    assert fetch(simulators).status == 200, "an address of its own keeps the fault to one test"
    struck = fetch(simulators, f"{JWKS}?case=1")

    assert (struck.status, struck.body) == (status, body)
    assert struck.headers.get("location") == parameters.get("location")
    assert fetch(simulators, f"{JWKS}?case=1").status == 200


@pytest.mark.parametrize("kind", ["hang", "slow_drip"])
def test_a_slow_issuer_outlasts_a_caller_that_waits_less(
    simulators: Addresses, control: ControlClient, kind: str
) -> None:
    control.fault("issuer", kind, **({"seconds": 60} if kind == "hang" else {"secondsPerByte": 30}))

    with pytest.raises(TimeoutError):
        send(simulators["issuer"], "GET", JWKS, timeout=0.2)


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/issuer/keys", {"alg": "HS256"}, "alg must be one of RS256, ES256"),
        ("/issuer/keys", {"kid": ""}, "kid must be a non-empty string"),
        ("/issuer/keys", {"size": 512}, "knows no field size"),
        ("/issuer/tokens", {}, "needs claims"),
        ("/issuer/tokens", {"claims": "all"}, "needs claims, a JSON object"),
        ("/issuer/tokens", {"claims": {}, "headers": []}, "headers must be one"),
        ("/issuer/tokens", {"claims": {}, "kid": "unknown"}, "there is no such key"),
        ("/issuer/tokens", {"claims": {}, "alg": "none"}, "it can't sign by this alg"),
    ],
)
def test_bad_issuer_input_gets_a_sentence(
    control: ControlClient, path: str, body: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence):
        control.call("POST", path, body)


def test_two_keys_cannot_have_one_kid(control: ControlClient) -> None:
    control.rotate_issuer_key(kid="one")

    with pytest.raises(ControlError, match="no other key has"):
        control.rotate_issuer_key(kid="one", alg="ES256")


def test_the_issuer_has_no_accounts(control: ControlClient) -> None:
    with pytest.raises(ControlError, match="no such provider"):
        control.put_account("issuer", "demo")
