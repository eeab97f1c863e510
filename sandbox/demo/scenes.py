"""Call each operation once as a merchant's backend would, and show the important errors."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.demo.transcript import Transcript
from sandbox.local_stack import TIMEOUT_SECONDS, Stack
from sandbox.simulators import ControlClient
from sandbox.storefront.merchant_backend import sign_client_proof, sign_proof
from token_broker_client import TokenBrokerError
from token_broker_client.api import ApiTransport
from token_broker_client.connections import Connections
from token_broker_client.deadline import Deadline
from token_broker_client.operations import CLIENT_OPERATIONS, OPERATIONS, STOREFRONT_OPERATIONS, Operation
from token_broker_client.transport import Answer

_PAGE_SESSION = STOREFRONT_OPERATIONS["chicksx/public_token"]


class DemoFailedError(Exception):
    """Report a response that a working stack would not give."""


class Scenes:
    """Play the scenes on one stack."""

    def __init__(self, stack: Stack, control: ControlClient, transcript: Transcript) -> None:
        self._stack, self._broker, self._direct_broker = stack, stack.broker(), stack.direct_broker()
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
        self._call("fourthwall/public_token", expect=200, cacheControl="no-cache")
        self._call("fourthwall/public_token", expect=200)

    def _chicksx(self, session: str) -> None:
        self._transcript.scene("ChicksX", "one checkout session, one token, however often it is requested")
        for status in (201, 200):
            self._call("chicksx/public_token", expect=status, sessionId=session, scope=["wallet.read", "merchant.read"])

    def _shopify_current(self) -> None:
        self._transcript.scene("Shopify, current token", "minted if there is none, then served from the store")
        for _ in range(2):
            self._call("shopify/storefront_access_token", expect=200)

    def _shopify_standing(self, run: str) -> None:
        self._transcript.scene("Shopify, create", "an additional token; an Idempotency-Key makes a repeat harmless")
        create = partial(
            self._call,
            "shopify/create_storefront_access_token",
            title=f"Mobile app {run}",
            idempotencyKey=f"demo-{run}",
        )
        made = create(expect=201)["tokenId"]
        create(expect=201)

        self._transcript.scene("Shopify, list", "our tokens, and one that another app created at the shop")
        foreign = self._control.plant_tokens("demo", title="Made by another app")[0]["id"]
        self._call("shopify/list_storefront_access_tokens", expect=200)

        self._transcript.scene(
            "Shopify, revoke", "our own tokens, repeatedly if you like; a foreign token only with foreign=true"
        )
        revoke = partial(self._call, "shopify/delete_storefront_access_token")
        revoke(expect=200, tokenId=made)
        revoke(expect=200, tokenId=made)
        revoke(expect=409, tokenId=str(foreign))
        revoke(expect=200, tokenId=str(foreign), foreign=True)

        self._transcript.scene("Shopify, one token's record", "its whole history, without a call to the provider")
        self._call("shopify/get_storefront_access_token", expect=200, tokenId=made)

    def _shopify_rotation_settings(self) -> None:
        self._transcript.scene("Shopify, rotation settings", "the scheduler rotates no token until a merchant opts in")
        self._call("shopify/put_rotation_settings", expect=200, maxAgeDays=90, overlapDays=14)
        self._call("shopify/get_rotation_settings", expect=200)

    def _rotation(self) -> None:
        self._transcript.scene("Rotation", "another token becomes current; the previous one works during the overlap")
        self._call("shopify/rotate", expect=202)
        self._call("shopify/rotate", expect=202)  # joins the first request
        self._call("fourthwall/rotate", expect=200)

        self._transcript.scene("Compromised", "without an overlap; caches serve the replaced token for 30 s at most")
        self._call("shopify/rotate", expect=202, compromised=True)

    def _reconciliation(self) -> None:
        self._transcript.scene(
            "Reconciliation", "the provider's list compared with our records; nothing is changed unless requested"
        )
        foreign = self._control.plant_tokens("demo", title="Made by another app")[0]["id"]
        self._call("shopify/reconcile", expect=200)
        self._call("shopify/delete_storefront_access_token", expect=200, tokenId=str(foreign), foreign=True)

    def _shopify_variants(self) -> None:
        self._transcript.scene(
            "Shopify's other ways",
            "a client id and secret exchanged for a token; the older, unversioned address",
        )
        for merchant in ("demo-oauth", "demo-classic"):
            self._call("shopify/storefront_access_token", expect=200, merchant=merchant)

    def _expiring_tokens(self) -> None:
        self._transcript.scene("Expiring tokens", "a public app's access token lasts an hour; the broker refreshes it")
        self._call("shopify/list_storefront_access_tokens", expect=200, merchant="demo-public")
        self._transcript.say("   [dim]Shopify ends the access token.[/]")
        self._control.revoke_admin_tokens("demo-public")
        self._call("shopify/list_storefront_access_tokens", expect=200, merchant="demo-public")

    def _migration(self) -> None:
        self._transcript.scene(
            "Migration", "a permanent token is exchanged for an expiring one, which cannot be undone at Shopify"
        )
        merchant = "demo-migration"
        self._call("shopify/migrate_token", expect=200, merchant=merchant, confirm=f"{merchant}.myshopify.com")
        self._call("shopify/list_storefront_access_tokens", expect=200, merchant=merchant)

    def _direct(self, session: str) -> None:
        self._transcript.scene(
            "Direct invocation", "the way of Step Functions or another Lambda function: the same fields as plain JSON"
        )
        for merchant, expected in (("demo", "response"), ("nobody", "MerchantNotFound")):
            event = {"merchant": merchant, "sessionId": session}
            self._transcript.asked("invoke chicksx/public_token", event)
            try:
                kind, shown = "response", self._direct_broker.call("chicksx/public_token", **event).body
            except TokenBrokerError as error:
                kind, shown = type(error).__name__, {"code": error.code, "detail": error.detail}
            self._transcript.answered(kind, shown, good=kind == "response")
            self._provider()
            if kind != expected:
                raise DemoFailedError(f"Invoking chicksx/public_token gave {kind}, not {expected}.")

    def _storefront(self, session: str) -> None:
        self._transcript.scene(
            "Storefront",
            "a browser calls without AWS: the trust policy names its origin, the backend proves its session",
        )
        self._call("storefronts/get_trust_policy", expect=200)
        origin = {"Origin": self._stack.described["storefrontUrl"]}
        for name in ("shopify/storefront_access_token", "fourthwall/public_token"):
            self._call_unsigned(STOREFRONT_OPERATIONS[name], expect=200, headers=origin)
        proven = {**origin, **self._proof(session)}
        self._call_unsigned(_PAGE_SESSION, expect=200, headers=proven, sessionId=session)

    def _storefront_rejections(self, session: str) -> None:
        self._transcript.scene("Storefront, rejected", "another origin, no proof, the proof of another session")
        shop = self._stack.described["storefrontUrl"]
        alike = {"Origin": f"{shop}.evil.example"}
        self._call_unsigned(STOREFRONT_OPERATIONS["fourthwall/public_token"], expect=403, headers=alike)
        self._call_unsigned(_PAGE_SESSION, expect=401, headers={"Origin": shop}, sessionId=session)
        proven = {"Origin": shop, **self._proof(f"{session}-of-somebody-else")}
        self._call_unsigned(_PAGE_SESSION, expect=403, headers=proven, sessionId=session)

    def _clients(self) -> None:
        self._transcript.scene(
            "Servers and native apps", "no AWS and no page: a proof of the merchant opens the shop's tokens"
        )
        secret = f"{self._stack.described['secretPrefix']}/storefront-proof/demo"
        proven = {"Authorization": f"Bearer {sign_client_proof(self._stack.client('secretsmanager'), secret)}"}
        for operation in CLIENT_OPERATIONS.values():
            self._call_unsigned(operation, expect=200, headers=proven)
        self._call_unsigned(CLIENT_OPERATIONS["shopify/storefront_access_token"], expect=401)

    def _preview_origins(self, origin: str) -> None:
        self._transcript.scene("Preview origins", "one more origin, which ends by itself; the policy stays as it is")
        self._call("storefronts/allow_preview_origin", expect=201, origin=origin, expiresIn=3600)
        self._call("storefronts/list_preview_origins", expect=200)
        self._call("storefronts/remove_preview_origin", expect=200, origin=origin)

    def _order(self, session: str) -> None:
        self._transcript.scene(
            "An order is placed",
            "its session is closed and gets no more tokens; an event or a message can close it too",
        )
        for _ in range(2):
            self._call("chicksx/close_session", expect=200, sessionId=session, orderId=f"order-of-{session}")
        self._call("chicksx/public_token", expect=410, sessionId=session)

    def _proof(self, session: str) -> dict[str, str]:
        """Return the header with the proof that the merchant's backend signs."""
        secret = f"{self._stack.described['secretPrefix']}/storefront-proof/demo"
        return {"Authorization": f"Bearer {sign_proof(session, self._stack.client('secretsmanager'), secret)}"}

    def _rejections(self) -> None:
        self._transcript.scene("Rejected", "no identity, no such merchant, a malformed field")
        self._call_unsigned(OPERATIONS["shopify/storefront_access_token"], expect=401)
        self._call("shopify/storefront_access_token", expect=404, merchant="nobody")
        self._call("shopify/create_storefront_access_token", expect=400, title="\u0000")

    def _call(self, name: str, *, expect: int, merchant: str = "demo", **fields: Any) -> Mapping[str, Any]:
        """Call an operation as a backend, and return what the last line shows."""
        fields = {"merchant": merchant, **fields}
        return self._shown(OPERATIONS[name], fields, partial(self._broker.call, name, **fields), expect)

    def _call_unsigned(
        self, operation: Operation, *, expect: int, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> None:
        """Call an operation without credentials. A page's headers have its origin and perhaps a proof."""
        sent, fields = headers or {}, {"merchant": "demo", **fields}
        shown = {name: "Bearer <proof>" if name == "Authorization" else value for name, value in sent.items()}
        transport = ApiTransport(self._stack.api_url, lambda _method, _url, own, _body: {**own, **sent}, Connections())
        call = partial(transport.send, operation, fields, Deadline(TIMEOUT_SECONDS))
        self._shown(operation, fields, call, expect, headers=shown, note=" [dim](not signed)[/]")

    def _shown(
        self,
        operation: Operation,
        fields: Mapping[str, Any],
        call: Callable[[], Answer],
        expect: int,
        *,
        headers: Mapping[str, str] | None = None,
        note: str = "",
    ) -> Mapping[str, Any]:
        what = f"{operation.method} {operation.target(fields)}"
        sent = {**operation.header_fields(fields), **(headers or {})}
        marked = "".join(f" [dim]{name}: {value}[/]" for name, value in sent.items())
        self._transcript.asked(f"{what}{marked}{note}", operation.body(fields))
        try:
            answer = call()
            status, body, good = answer.status, answer.body, True
        except TokenBrokerError as error:
            status, body, good = error.status, {"code": error.code, "detail": error.detail}, False
        self._transcript.answered(str(status), body, good=good)
        self._provider()
        if status != expect:
            raise DemoFailedError(f"{what} returned {status}, not {expect}.")
        return body

    def _provider(self) -> None:
        self._transcript.provider_saw(self._control.requests())
        self._control.forget_requests()
