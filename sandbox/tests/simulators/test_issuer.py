"""The OIDC issuer beside the providers: what its verifiers read, what it signs, and how it can be made to fail."""

from typing import Any

import jwt
import pytest

from sandbox.simulators import Addresses, ControlClient, ControlError
from tests.contract.exchanges.playing import Reply, send

JWKS = "/.well-known/jwks.json"


class Issuer:
    def __init__(self, origin: str, control: ControlClient) -> None:
        self.origin = origin
        self.control = control

    def fetch(self, path: str = JWKS, method: str = "GET") -> Reply:
        return send(self.origin, method, path)

    def published(self) -> dict[str, jwt.PyJWK]:
        return {key["kid"]: jwt.PyJWK(key) for key in self.fetch().json()["keys"]}

    def verified(self, token: str) -> Any:
        key = self.published()[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=[key.algorithm_name], audience="storefront", issuer=self.origin)


@pytest.fixture
def issuer(simulators: Addresses, control: ControlClient) -> Issuer:
    return Issuer(simulators["issuer"], control)


def test_the_discovery_document_leads_to_the_keys(issuer: Issuer) -> None:
    document = issuer.fetch("/.well-known/openid-configuration").json()

    assert (document["issuer"], document["jwks_uri"]) == (issuer.origin, f"{issuer.origin}{JWKS}")
    assert document["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]


def test_the_jwks_holds_one_rsa_and_one_ec_key_and_nothing_private(issuer: Issuer) -> None:
    reply = issuer.fetch()
    keys = {key["alg"]: set(key) for key in reply.json()["keys"]}

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert reply.headers["cache-control"] == "public, max-age=300"
    shared = {"kty", "kid", "use", "alg"}
    assert keys == {"RS256": shared | {"n", "e"}, "ES256": shared | {"crv", "x", "y"}}
    assert issuer.fetch(f"{JWKS}?test=1").body == reply.body, "the same keys each time, whatever the query"


@pytest.mark.parametrize(("alg", "wanted"), [(None, "RS256"), ("ES256", "ES256")])
def test_a_signed_token_verifies_against_the_jwks(issuer: Issuer, alg: str | None, wanted: str) -> None:
    claims = {"iss": issuer.origin, "aud": "storefront", "sid": "s-1", "exp": 4_102_444_800, "n": [1, True, None]}

    token = issuer.control.sign(claims, **({} if alg is None else {"alg": alg}))

    assert jwt.get_unverified_header(token)["alg"] == wanted
    assert issuer.verified(token) == claims


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_signs_by_algorithms_that_its_jwk_does_not_name(issuer: Issuer, alg: str) -> None:
    token = issuer.control.sign({"sub": "s"}, alg=alg)
    key = issuer.published()[jwt.get_unverified_header(token)["kid"]]

    assert key.algorithm_name == "RS256"
    assert jwt.decode(token, key.key, algorithms=[alg]) == {"sub": "s"}


def test_claims_and_header_are_signed_as_given_however_wrong(issuer: Issuer) -> None:
    headers = {"kid": "../etc", "typ": None, "jku": "http://10.0.0.1/"}
    token = issuer.control.sign({"exp": "soon", "iss": 5}, headers=headers)
    key = next(key for key in issuer.published().values() if key.algorithm_name == "RS256")

    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": "../etc", "jku": "http://10.0.0.1/"}
    assert jwt.PyJWS().decode(token, key, algorithms=["RS256"]) == b'{"exp":"soon","iss":5}'


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(issuer: Issuer) -> None:
    claims = {"iss": issuer.origin, "aud": "storefront"}
    before = issuer.control.sign(claims)

    kid = issuer.control.rotate_issuer_key()

    after = issuer.control.sign(claims)
    assert jwt.get_unverified_header(after)["kid"] == kid
    assert len(issuer.published()) == 3
    assert issuer.verified(before) == issuer.verified(after) == claims
    kids = issuer.published().keys()
    issuer.control.reset()
    assert not issuer.published().keys() & kids


def test_a_withdrawn_key_leaves_the_jwks_and_can_still_sign(issuer: Issuer) -> None:
    kid = issuer.control.rotate_issuer_key(alg="ES256", kid="early", published=False)
    assert kid == "early"
    assert kid not in issuer.published()
    with pytest.raises(ControlError, match="no other key has"):
        issuer.control.rotate_issuer_key(kid=kid)

    assert [issuer.control.withdraw_issuer_key() for _ in range(2)] == [True, False]

    assert issuer.published() == {}
    token = issuer.control.sign({"sub": "s"}, kid=kid)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": kid, "typ": "JWT"}
    [pem] = [key["publicPem"] for key in issuer.control.issuer_keys() if key["kid"] == kid]
    assert jwt.decode(token, pem, algorithms=["ES256"]) == {"sub": "s"}
    assert [key["published"] for key in issuer.control.state()["issuer"]["keys"]] == [False] * 3


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", f"{JWKS}/", 404), ("POST", JWKS, 405)]
)
def test_nothing_else_is_there(issuer: Issuer, method: str, path: str, status: int) -> None:
    assert issuer.fetch(path, method).status == status


def test_a_fault_befalls_one_address_of_the_keys_and_requests_are_noted(issuer: Issuer) -> None:
    issuer.control.fault("issuer", "status", status=500, pathContains="?case=1")

    paths = [JWKS, f"{JWKS}?case=1", f"{JWKS}?case=1"]
    assert [issuer.fetch(path).status for path in paths] == [200, 500, 200]
    seen = issuer.control.requests("issuer")
    assert [(each["path"], each["fault"]) for each in seen] == list(zip(paths, [None, "status", None], strict=True))
