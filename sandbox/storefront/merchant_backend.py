"""Sign a visitor's proof, as a merchant's backend would.

With the proof, this visitor's browser, and no other, gets the token of this visitor's checkout session. The browser
sends it to the API: `Authorization: Bearer <proof>`.
"""

import json
import time
from typing import Any

import jwt

# The trust policy has the same. The keys are in {SecretPrefix}/storefront-proof/{merchant}.
ISSUER, AUDIENCE = "https://demo.example", "token-broker"


def sign_proof(session_id: str, secrets_manager: Any, secret_name: str) -> str:
    """Return a proof for the session behind the visitor's cookie, never for a session that a page names."""
    secret = secrets_manager.get_secret_value(SecretId=secret_name)["SecretString"]
    key_id, key = list(json.loads(secret)["keys"].items())[-1]  # the newest
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sid": session_id, "iat": now, "exp": now + 300}
    return jwt.encode(claims, key, algorithm="HS256", headers={"kid": key_id})
