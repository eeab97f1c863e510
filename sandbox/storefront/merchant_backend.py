"""What a merchant's backend adds to its shop: it signs the proof with which this
visitor's browser, and no other, gets the token of this visitor's checkout session.

The browser sends the proof to the API: `Authorization: Bearer <proof>`.
"""

import json
import time
from typing import Any

import jwt

# As the trust policy names them; the keys are in {SecretPrefix}/storefront-proof/{merchant}.
ISSUER, AUDIENCE = "https://demo.example", "token-broker"


def sign_proof(session_id: str, secrets_manager: Any, secret_name: str) -> str:
    """For the session behind the visitor's cookie, never for one that a page names."""
    secret = secrets_manager.get_secret_value(SecretId=secret_name)["SecretString"]
    key_id, key = list(json.loads(secret)["keys"].items())[-1]  # the newest
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sid": session_id, "iat": now, "exp": now + 300}
    return jwt.encode(claims, key, algorithm="HS256", headers={"kid": key_id})
