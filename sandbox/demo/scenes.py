"""Call each operation once as a merchant's backend would, and show the important errors."""

import json
import secrets
from typing import TYPE_CHECKING

import requests

from sandbox.demo.transcript import Transcript
from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from sandbox.storefront.merchant_backend import sign_client_proof, sign_proof

if TYPE_CHECKING:
    from collections.abc import Callable


class DemoFailedError(Exception):
    """Report a response that a working stack would not give."""


class Scenes:
    """Play the scenes on one stack."""

    def __init__(self, stack: Stack, control: ControlClient, transcript: Transcript) -> None:
        self._stack = stack
        self._control = control
        self._transcript = transcript

    def play(self) -> None:
        """Play all scenes in an order that tells the story.

        Raises `DemoFailedError`.
        """
        run = secrets.token_hex(3)
        scenes: list[Callable[[], None]] = [
            self._fourthwall,
            lambda: self._chicksx(f"checkout-{run}"),
            self._shopify_current,
            lambda: self._shopify_standing(run),
            self._shopify_rotation_settings,
            self._rotation,
            self._reconciliation,
            self._shopify_variants,
            self._expiring_tokens,
            self._migration,
            lambda: self._direct(f"checkout-{run}"),
            lambda: self._storefront(f"checkout-{run}"),
            lambda: self._storefront_rejections(f"checkout-{run}"),
            self._clients,
            lambda: self._preview_origins(f"https://pr-{run}.preview.example"),
            lambda: self._order(f"checkout-{run}"),
            self._rejections,
        ]
        for scene in scenes:
            scene()

    def play_a_selection(self) -> None:
        """Play the scenes that fit into a picture.

        Raises `DemoFailedError`.
        """
        session = f"checkout-{secrets.token_hex(3)}"
        self._shopify_current()
        self._chicksx(session)
        self._storefront(session)
        self._storefront_rejections(session)

    def _fourthwall(self) -> None:
        self._transcript.scene("Fourthwall", "the shop's one public token, read or created, then stored")
        path = "/merchants/demo/fourthwall/public-token"
        self._call("PUT", path, expect=200, headers={"Cache-Control": "no-cache"})
        self._call("PUT", path, expect=200)

    def _chicksx(self, session: str) -> None:
        self._transcript.scene("ChicksX", "one checkout session, one token, however often it is requested")
        body = {"sessionId": session, "scope": ["wallet.read", "merchant.read"]}
        self._call("POST", "/merchants/demo/chicksx/public-tokens", body, expect=201)
        self._call("POST", "/merchants/demo/chicksx/public-tokens", body, expect=200)

    def _shopify_current(self) -> None:
        self._transcript.scene("Shopify, current token", "minted if there is none, then served from the store")
        path = "/merchants/demo/shopify/storefront-access-token"
        self._call("GET", path, expect=200)
        self._call("GET", path, expect=200)

    def _shopify_standing(self, run: str) -> None:
        self._transcript.scene("Shopify, create", "an additional token; an Idempotency-Key makes a repeat harmless")
        path = "/merchants/demo/shopify/storefront-access-tokens"
        body, key = {"title": f"Mobile app {run}"}, {"Idempotency-Key": f"demo-{run}"}
        made = self._call("POST", path, body, expect=201, headers=key).json()
        self._call("POST", path, body, expect=201, headers=key)

        self._transcript.scene("Shopify, list", "our tokens, and one that another app created at the shop")
        foreign = self._control.plant_tokens("demo", title="Made by another app")[0]["id"]
        self._call("GET", path, expect=200)

        self._transcript.scene(
            "Shopify, revoke", "our own tokens, repeatedly if you like; a foreign token only with foreign=true"
        )
        self._call("DELETE", f"{path}/{made['tokenId']}", expect=200)
        self._call("DELETE", f"{path}/{made['tokenId']}", expect=200)
        self._call("DELETE", f"{path}/{foreign}", expect=409)
        self._call("DELETE", f"{path}/{foreign}?foreign=true", expect=200)

        self._transcript.scene("Shopify, one token's record", "its whole history, without a call to the provider")
        self._call("GET", f"{path}/{made['tokenId']}", expect=200)

    def _shopify_rotation_settings(self) -> None:
        self._transcript.scene("Shopify, rotation settings", "the scheduler rotates no token until a merchant opts in")
        path = "/merchants/demo/shopify/rotation-settings"
        self._call("PUT", path, {"maxAgeDays": 90, "overlapDays": 14}, expect=200)
        self._call("GET", path, expect=200)

    def _rotation(self) -> None:
        self._transcript.scene("Rotation", "another token becomes current; the previous one works during the overlap")
        path = "/merchants/demo/shopify/rotations"
        self._call("POST", path, expect=202)
        self._call("POST", path, expect=202)  # joins the first request
        self._call("POST", "/merchants/demo/fourthwall/rotations", expect=200)

        self._transcript.scene("Compromised", "without an overlap; caches serve the replaced token for 30 s at most")
        self._call("POST", path, {"compromised": True}, expect=202)

    def _reconciliation(self) -> None:
        self._transcript.scene(
            "Reconciliation", "the provider's list compared with our records; nothing is changed unless requested"
        )
        foreign = self._control.plant_tokens("demo", title="Made by another app")[0]["id"]
        self._call("POST", "/merchants/demo/shopify/reconciliations", expect=200)
        self._call("DELETE", f"/merchants/demo/shopify/storefront-access-tokens/{foreign}?foreign=true", expect=200)

    def _shopify_variants(self) -> None:
        self._transcript.scene(
            "Shopify's other ways",
            "a client id and secret exchanged for a token; the older, unversioned address",
        )
        for merchant in ("demo-oauth", "demo-classic"):
            self._call("GET", f"/merchants/{merchant}/shopify/storefront-access-token", expect=200)

    def _expiring_tokens(self) -> None:
        self._transcript.scene("Expiring tokens", "a public app's access token lasts an hour; the broker refreshes it")
        path = "/merchants/demo-public/shopify/storefront-access-tokens"
        self._call("GET", path, expect=200)
        self._transcript.say("   [dim]Shopify ends the access token.[/]")
        self._control.revoke_admin_tokens("demo-public")
        self._call("GET", path, expect=200)

    def _migration(self) -> None:
        self._transcript.scene(
            "Migration", "a permanent token is exchanged for an expiring one, which cannot be undone at Shopify"
        )
        body = {"confirm": "demo-migration.myshopify.com"}
        self._call("POST", "/operations/merchants/demo-migration/shopify/token-migrations", body, expect=200)
        self._call("GET", "/merchants/demo-migration/shopify/storefront-access-tokens", expect=200)

    def _direct(self, session: str) -> None:
        self._transcript.scene(
            "Direct invocation", "the way of Step Functions or another Lambda function: the same fields as plain JSON"
        )
        for event, error in (
            ({"merchant": "demo", "sessionId": session}, None),
            ({"merchant": "nobody", "sessionId": session}, "MerchantNotFound"),
        ):
            self._transcript.asked("invoke chicksx/public_token", event)
            response, raised = self._stack.invoke("chicksx/public_token", event)
            if raised != error:
                raise DemoFailedError(f"invoking chicksx/public_token raised {raised}, not {error}: {response}")
            shown = response if error is None else json.loads(response["errorMessage"])
            self._transcript.answered(error or "response", shown, good=error is None)
            self._provider()

    def _storefront(self, session: str) -> None:
        self._transcript.scene(
            "Storefront",
            "a browser calls without AWS: the trust policy names its origin, the backend proves its session",
        )
        self._call("GET", "/merchants/demo/trust-policy", expect=200)
        origin = {"Origin": self._stack.described["storefrontUrl"]}
        for path in ("shopify/storefront-access-token", "fourthwall/public-token"):
            self._call("GET", f"/storefront/demo/{path}", expect=200, headers=origin, signed=False)
        proven, body = {**origin, **self._proof(session)}, {"sessionId": session}
        self._call("POST", "/storefront/demo/chicksx/public-tokens", body, expect=200, headers=proven, signed=False)

    def _storefront_rejections(self, session: str) -> None:
        self._transcript.scene("Storefront, rejected", "another origin, no proof, the proof of another session")
        shop, path = self._stack.described["storefrontUrl"], "/storefront/demo/chicksx/public-tokens"
        alike = {"Origin": f"{shop}.evil.example"}
        self._call("GET", "/storefront/demo/fourthwall/public-token", expect=403, headers=alike, signed=False)
        body = {"sessionId": session}
        self._call("POST", path, body, expect=401, headers={"Origin": shop}, signed=False)
        proven = {"Origin": shop, **self._proof(f"{session}-of-somebody-else")}
        self._call("POST", path, body, expect=403, headers=proven, signed=False)

    def _clients(self) -> None:
        self._transcript.scene(
            "Servers and native apps", "no AWS and no page: a proof of the merchant opens the shop's tokens"
        )
        secret = f"{self._stack.described['secretPrefix']}/storefront-proof/demo"
        proof = sign_client_proof(self._stack.client("secretsmanager"), secret)
        for path in ("shopify/storefront-access-token", "fourthwall/public-token"):
            headers = {"Authorization": f"Bearer {proof}"}
            self._call("GET", f"/clients/demo/{path}", expect=200, headers=headers, signed=False)
        self._call("GET", "/clients/demo/shopify/storefront-access-token", expect=401, signed=False)

    def _preview_origins(self, origin: str) -> None:
        self._transcript.scene("Preview origins", "one more origin, which ends by itself; the policy stays as it is")
        path = "/operations/merchants/demo/preview-origins"
        self._call("POST", path, {"origin": origin, "expiresIn": 3600}, expect=201)
        self._call("GET", path, expect=200)
        self._call("DELETE", f"{path}?origin={origin}", expect=200)

    def _order(self, session: str) -> None:
        self._transcript.scene(
            "An order is placed",
            "its session is closed and gets no more tokens; an event or a message can close it too",
        )
        path, body = f"/merchants/demo/chicksx/sessions/{session}/close", {"orderId": f"order-of-{session}"}
        self._call("POST", path, body, expect=200)
        self._call("POST", path, body, expect=200)
        self._call("POST", "/merchants/demo/chicksx/public-tokens", {"sessionId": session}, expect=410)

    def _proof(self, session: str) -> dict[str, str]:
        """Return the header with the proof that the merchant's backend signs."""
        secret = f"{self._stack.described['secretPrefix']}/storefront-proof/demo"
        return {"Authorization": f"Bearer {sign_proof(session, self._stack.client('secretsmanager'), secret)}"}

    def _rejections(self) -> None:
        self._transcript.scene("Rejected", "no identity, no such merchant, a malformed field")
        path = "/merchants/demo/shopify/storefront-access-token"
        self._call("GET", path, expect=401, signed=False)
        self._call("GET", "/merchants/nobody/shopify/storefront-access-token", expect=404)
        self._call("POST", "/merchants/demo/shopify/storefront-access-tokens", {"title": "\u0000"}, expect=400)

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: int,
        headers: dict[str, str] | None = None,
        signed: bool = True,
    ) -> requests.Response:
        shown = {
            name: "Bearer <proof>" if name == "Authorization" else value for name, value in (headers or {}).items()
        }
        note = "".join(f" [dim]{name}: {value}[/]" for name, value in shown.items())
        self._transcript.asked(f"{method} {path}{note}{'' if signed else ' [dim](not signed)[/]'}", body)
        response = self._stack.call(method, path, body, headers=headers, signed=signed)
        try:
            body_received = response.json()
        except ValueError:
            body_received = response.text[:200]
        self._transcript.answered(str(response.status_code), body_received, good=response.ok)
        self._provider()
        if response.status_code != expect:
            raise DemoFailedError(f"{method} {path} returned {response.status_code}, not {expect}.")
        return response

    def _provider(self) -> None:
        self._transcript.provider_saw(self._control.requests())
        self._control.forget_requests()
