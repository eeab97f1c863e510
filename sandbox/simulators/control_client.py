"""Call the simulators' control address from tests and the demo. It needs the standard library only."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sandbox.control_address import ControlAddress


class ControlClient(ControlAddress):
    """Call each address that README.md lists."""

    def put_account(self, provider: str, name: str, **fields: object) -> None:
        self.call("PUT", f"/accounts/{provider}/{quote(name, safe='')}", fields)

    def delete_account(self, provider: str, name: str) -> bool:
        deleted: bool = self.call("DELETE", f"/accounts/{provider}/{quote(name, safe='')}")["deleted"]
        return deleted

    def fault(self, provider: str, kind: str, **parameters: object) -> None:
        """Inject a fault into the next request.

        The parameters are those of README.md, in camel case.
        """
        self.call("POST", "/faults", {"provider": provider, "kind": kind, **parameters})

    def faults(self) -> list[dict[str, Any]]:
        return list(self.call("GET", "/faults")["faults"])

    def forget_faults(self) -> None:
        self.call("DELETE", "/faults")

    def requests(self, provider: str | None = None) -> list[dict[str, Any]]:
        return list(self.call("GET", "/requests" + (f"?provider={provider}" if provider else ""))["requests"])

    def forget_requests(self) -> None:
        self.call("DELETE", "/requests")

    def state(self) -> dict[str, Any]:
        return self.call("GET", "/state")

    def now(self) -> float:
        return float(self.call("GET", "/clock")["now"])

    def advance(self, seconds: float) -> float:
        return float(self.call("POST", "/clock", {"advance": seconds})["now"])

    def reset(self) -> None:
        self.call("POST", "/reset")

    def plant_tokens(self, account: str, **fields: object) -> list[dict[str, Any]]:
        """Create Shopify tokens of another app, and return each as Shopify lists it."""
        return list(self.call("POST", "/shopify/tokens", {"account": account, **fields})["tokens"])

    def revoke_admin_tokens(self, account: str | None = None) -> int:
        query = "" if account is None else f"?account={quote(account, safe='')}"
        return int(self.call("DELETE", f"/shopify/admin-tokens{query}")["revoked"])

    def authorize_shopify_app(self, account: str) -> str:
        """Let the merchant authorize the app again, which ends older pairs, and return the new refresh token."""
        return str(self.call("POST", "/shopify/pairs", {"account": account})["refreshToken"])

    def revoke_pairs(self, account: str | None = None) -> int:
        """End the expiring Shopify tokens of one account, or of all, and return the number of pairs."""
        query = "" if account is None else f"?account={quote(account, safe='')}"
        return int(self.call("DELETE", f"/shopify/pairs{query}")["revoked"])

    def renew_fourthwall_token(self, account: str) -> None:
        self.call("POST", "/fourthwall/tokens", {"account": account})

    def place_order(self, session_id: str, account: str | None = None) -> None:
        fields = {"sessionId": session_id} if account is None else {"sessionId": session_id, "account": account}
        self.call("POST", "/chicksx/orders", fields)

    def issuer_keys(self) -> list[dict[str, Any]]:
        """Return {"kid","alg","published","publicPem"} of each key, the oldest first."""
        return list(self.call("GET", "/issuer/keys")["keys"])

    def rotate_issuer_key(self, **fields: object) -> str:
        """Sign with a new key ("alg", "kid", "published") from now on, and return its kid.

        The earlier keys stay.
        """
        return str(self.call("POST", "/issuer/keys", fields)["kid"])

    def withdraw_issuer_key(self, kid: str | None = None) -> bool:
        """Remove one key, or all, from the JWKS.

        They can still sign.
        """
        query = "" if kid is None else f"?kid={quote(kid, safe='')}"
        withdrawn: bool = self.call("DELETE", f"/issuer/keys{query}")["withdrawn"]
        return withdrawn

    def sign(self, claims: Mapping[str, object], **fields: object) -> str:
        """Return a token of the issuer with exactly these claims.

        "alg", "kid" and "headers" are described in README.md.
        """
        return str(self.call("POST", "/issuer/tokens", {"claims": claims, **fields})["token"])
