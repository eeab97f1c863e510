"""Sign proofs, as a merchant's backend would.

With a visitor's proof, this visitor's browser, and no other, gets the token of this visitor's checkout session. With a
client's proof, a server or a native app of the merchant gets the shop's tokens. Each is sent to the API:
`Authorization: Bearer <proof>`.
"""

import json
import time
from typing import Any

import jwt

# The trust policy has the same. The keys are in {SecretPrefix}/storefront-proof/{merchant}.
ISSUER, AUDIENCE = "https://demo.example", "token-broker"


def sign_proof(session_id: str, secrets_manager: Any, secret_name: str) -> str:
    """Return a proof for the session behind the visitor's cookie, never for a session that a page names."""
    return _signed({"sid": session_id}, secrets_manager, secret_name)


def sign_client_proof(secrets_manager: Any, secret_name: str) -> str:
    """Return a proof for a server or a native app. It names no session, and a browser never gets it."""
    return _signed({}, secrets_manager, secret_name)


def _signed(claims: dict[str, str], secrets_manager: Any, secret_name: str) -> str:
    secret = secrets_manager.get_secret_value(SecretId=secret_name)["SecretString"]
    key_id, key = list(json.loads(secret)["keys"].items())[-1]  # the newest
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300}
    return jwt.encode({**usual, **claims}, key, algorithm="HS256", headers={"kid": key_id})
