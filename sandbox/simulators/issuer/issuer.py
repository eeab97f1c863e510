"""Simulate an OpenID Connect issuer for those who verify its tokens: discovery and JWKS, independent of sockets.

It serves `GET /.well-known/openid-configuration` and `GET /.well-known/jwks.json` (OpenID Connect Discovery 1.0, RFC
7517). There is no login. The control address signs tokens. A query is ignored, so a test can have its own JWKS address.
It begins with one RSA and one EC key.
"""

import secrets
from typing import TYPE_CHECKING

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import Request, Response, json_response

if TYPE_CHECKING:
    from sandbox.simulators.issuer.keys import SigningKey

DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/.well-known/jwks.json"
ALGORITHMS = ("RS256", "ES256")
KID_PREFIX = {"RS256": "rsa", "ES256": "ec"}
CACHE_SECONDS = 300


class Issuer:
    def __init__(self) -> None:
        self._keys: list[SigningKey] = []

    def admit(self, _request: Request, now: float) -> float:
        return now

    def respond(self, request: Request, _now: float) -> Response:
        if request.path not in (DISCOVERY_PATH, JWKS_PATH):
            return json_response(404, {"error": "not_found"})
        if request.method not in ("GET", "HEAD"):
            return json_response(405, {"error": "method_not_allowed"}, {"Allow": "GET, HEAD"})
        value = self._jwks() if request.path == JWKS_PATH else _discovery(request)
        return json_response(200, value, {"Cache-Control": f"public, max-age={CACHE_SECONDS}"})

    def state(self, _now: float) -> dict[str, object]:
        return {"keys": [{"kid": key.kid, "alg": key.algorithm, "published": key.published} for key in self._keys]}

    def keys(self) -> list[dict[str, object]]:
        """Return {"kid","alg","published","publicPem"} of each key, the oldest first."""
        return [
            {"kid": key.kid, "alg": key.algorithm, "published": key.published, "publicPem": key.public_pem()}
            for key in self._all()
        ]

    def rotate(self, value: object) -> str:
        """Create a key from {"alg"?,"kid"?,"published"?}, sign with it from now on, and return its kid.

        The earlier keys stay.
        """
        fields = Fields(value, "A key")
        algorithm = fields.choice("alg", ALGORITHMS, ALGORITHMS[0])
        kid, published = fields.optional_text("kid"), fields.flag("published", default=True)
        fields.finish()
        if any(key.kid == kid for key in self._all()):
            raise InputError("A key: kid must be one that no other key has.")
        return self._make(algorithm, kid, published=published).kid

    def withdraw(self, kid: str | None) -> bool:
        """Remove a key, or (None) all keys, from the JWKS.

        Returns whether any was in it. They can still sign.
        """
        found = [key for key in self._all() if key.published and kid in (None, key.kid)]
        for key in found:
            key.published = False
        return bool(found)

    def sign(self, value: object) -> dict[str, str]:
        """Return {"token","kid"} for {"claims","alg"?,"kid"?,"headers"?}.

        The default is the newest key and its algorithm.
        """
        fields = Fields(value, "A token")
        claims = fields.anything("claims")
        headers = fields.anything("headers") if fields.has("headers") else {}
        algorithm, kid = fields.optional_text("alg"), fields.optional_text("kid")
        fields.finish()
        if not isinstance(claims, dict) or not isinstance(headers, dict):
            raise InputError("A token needs claims, a JSON object, and headers must be one.")
        key = self._signing_key(algorithm, kid)
        return {"token": key.sign(claims, algorithm or key.algorithm, headers), "kid": key.kid}

    def _signing_key(self, algorithm: str | None, kid: str | None) -> "SigningKey":
        from sandbox.simulators.issuer.keys import FAMILIES

        for key in reversed(self._all()):
            if kid in (None, key.kid) and algorithm in (None, *FAMILIES[key.algorithm]):
                return key
        raise InputError("A token: there is no such key, or it can't sign by this alg; GET /issuer/keys lists them.")

    def _jwks(self) -> dict[str, object]:
        return {"keys": [key.jwk() for key in self._all() if key.published]}

    def _all(self) -> list["SigningKey"]:
        if not self._keys:
            # Keys are created when they are first needed, because this takes time. RS256 is the default.
            for algorithm in reversed(ALGORITHMS):
                self._make(algorithm, None, published=True)
        return self._keys

    def _make(self, algorithm: str, kid: str | None, *, published: bool) -> "SigningKey":
        from sandbox.simulators.issuer.keys import SigningKey

        # A random name never matches another key in a verifier's cache from before a restart.
        key = SigningKey(kid or f"{KID_PREFIX[algorithm]}-{secrets.token_hex(4)}", algorithm, published)
        self._keys.append(key)
        return key


def _discovery(request: Request) -> dict[str, object]:
    # The logic knows no socket, so the address comes from the request.
    origin = f"http://{request.headers.get('host', '')}"
    return {
        "issuer": origin,
        "jwks_uri": f"{origin}{JWKS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
    }
