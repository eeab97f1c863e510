"""Sign proofs, as a merchant's backend would.

With a visitor's proof, this visitor's browser, and no other, gets the token of this visitor's checkout session. With a
client's proof, a server or a native app of the merchant gets the shop's tokens. Each is sent to the API:
`Authorization: Bearer <proof>`.
"""

from typing import Any

from token_broker_client import ProofSigner

# The trust policy has the same. The keys are in {SecretPrefix}/storefront-proof/{merchant}.
ISSUER, AUDIENCE = "https://demo.example", "token-broker"


def sign_proof(session_id: str, secrets_manager: Any, secret_name: str) -> str:
    """Return a proof for the session behind the visitor's cookie, never for a session that a page names."""
    return _signer(secrets_manager, secret_name).sign(session_id)


def sign_client_proof(secrets_manager: Any, secret_name: str) -> str:
    """Return a proof for a server or a native app. It is for the shop, and a browser never gets it."""
    return _signer(secrets_manager, secret_name).sign_client()


def _signer(secrets_manager: Any, secret_name: str) -> ProofSigner:
    def read() -> str:
        return str(secrets_manager.get_secret_value(SecretId=secret_name)["SecretString"])

    return ProofSigner(read, issuer=ISSUER, audience=AUDIENCE)
