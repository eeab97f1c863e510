"""A call of each of the client's operations, on a merchant that was made for it."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sandbox.simulators import ControlClient
from tests.e2e.support.routes import POLICY
from token_broker_client import Merchant
from token_broker_client.models import RotationSettings

type Prepare = Callable[[Merchant, ControlClient], Any]


def nothing(_merchant: Merchant, _control: ControlClient) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Call:
    """Describe one call. `kind` is the merchant's, as `Merchants.of` knows it.

    `prepare` makes what the call needs, and `make` gets its result. `first_only` names the fields that only the first
    of two equal calls fills, and `counted` the attributes of items that count such calls.
    """

    kind: str
    make: Callable[[Merchant, Any], Any]
    prepare: Prepare = nothing
    first_only: AbstractSet[str] = frozenset()
    counted: AbstractSet[str] = frozenset()


def current(merchant: Merchant, _control: ControlClient) -> str:
    """Have the shop's current token created, and return its id."""
    return merchant.shopify.current().token_id


def standing(merchant: Merchant, _control: ControlClient) -> str:
    """Create an additional token, and return its id."""
    return merchant.shopify.create("Kiosk").token_id


def foreign(merchant: Merchant, control: ControlClient) -> str:
    """Have somebody else create a token at the shop, and return its id."""
    (planted,) = control.plant_tokens(merchant.name, title="Somebody else's")
    return str(planted["id"])


def unrecorded(merchant: Merchant, control: ControlClient) -> None:
    """Have a token of this stack at the shop that has no record, so that a reconciliation adopts it."""
    standing(merchant, control)
    (recorded,) = control.state()["shopify"][merchant.name]["tokens"]
    mark, _, _ = str(recorded["title"]).rpartition(":")
    control.plant_tokens(merchant.name, title=f"{mark}:{'a' * 26}]")


def renewed(merchant: Merchant, control: ControlClient) -> None:
    """Have Fourthwall replace the shop's token."""
    merchant.fourthwall.current()
    control.renew_fourthwall_token(merchant.name)


def session(merchant: Merchant, _control: ControlClient) -> None:
    """Issue the session's token."""
    merchant.chicksx.token("s/1")


def settings(merchant: Merchant, _control: ControlClient) -> None:
    """Store rotation settings, which then have the revision 1."""
    merchant.shopify.set_rotation_settings(RotationSettings())


def policy(merchant: Merchant, _control: ControlClient) -> None:
    """Store a trust policy, which then has the revision 1."""
    merchant.trust_policy.put(POLICY)


def preview(merchant: Merchant, control: ControlClient) -> None:
    """Allow a preview origin."""
    policy(merchant, control)
    merchant.preview_origins.allow(_PREVIEW, expires_in=3600)


_PREVIEW = "https://pr-7.preview.example"
_PAUSED = RotationSettings(max_age_days=90, paused=True)
_OTHER_POLICY = {**POLICY, "origins": ["https://other.example"]}

#: Each of these calls has Fourthwall confirm the one token that the shop has.
_FOURTHWALL_ASKED = frozenset({"mints", "fence"})

CALLS: Mapping[str, Mapping[str, Call]] = {
    "shopify/storefront_access_token": {
        "the first": Call("shopify", lambda merchant, _: merchant.shopify.current()),
        "fresh": Call("shopify", lambda merchant, _: merchant.shopify.current(fresh=True), current),
    },
    "shopify/list_storefront_access_tokens": {
        "all": Call("shopify", lambda merchant, _: merchant.shopify.list(), standing)
    },
    "shopify/create_storefront_access_token": {
        "one": Call("shopify", lambda merchant, _: merchant.shopify.create("Mobile app")),
        "own key": Call("shopify", lambda merchant, _: merchant.shopify.create("Mobile app", idempotency_key="k")),
    },
    "shopify/get_storefront_access_token": {
        "one": Call("shopify", lambda merchant, token_id: merchant.shopify.record(token_id), standing)
    },
    "shopify/delete_storefront_access_token": {
        "own": Call("shopify", lambda merchant, token_id: merchant.shopify.revoke(token_id), standing),
        "current": Call("shopify", lambda merchant, token_id: merchant.shopify.revoke(token_id), current),
        "foreign": Call("shopify", lambda merchant, token_id: merchant.shopify.revoke(token_id, foreign=True), foreign),
    },
    "shopify/rotate": {
        "ordinary": Call(
            "shopify",
            lambda merchant, _: merchant.shopify.rotate(),
            current,
            first_only={"token_id", "overlap_ends_at"},
        ),
        "compromised": Call(
            "shopify",
            lambda merchant, _: merchant.shopify.rotate(compromised=True),
            current,
            first_only={"token_id"},
        ),
    },
    "shopify/get_rotation_settings": {
        "defaults": Call("shopify", lambda merchant, _: merchant.shopify.rotation_settings()),
        "stored": Call("shopify", lambda merchant, _: merchant.shopify.rotation_settings(), settings),
    },
    "shopify/put_rotation_settings": {
        "only new": Call("shopify", lambda merchant, _: merchant.shopify.set_rotation_settings(_PAUSED, only_new=True)),
        "if revision": Call(
            "shopify", lambda merchant, _: merchant.shopify.set_rotation_settings(_PAUSED, if_revision=1), settings
        ),
    },
    "shopify/reconcile": {
        "shown": Call("shopify", lambda merchant, _: merchant.shopify.reconcile(), standing),
        "applied": Call(
            "shopify",
            lambda merchant, _: merchant.shopify.reconcile(apply=True),
            unrecorded,
            first_only={"counts", "tokens", "done"},
        ),
    },
    "shopify/migrate_token": {
        "confirmed": Call(
            "to migrate", lambda merchant, _: merchant.shopify.migrate_token(f"{merchant.name}.myshopify.com")
        )
    },
    "fourthwall/public_token": {
        "the first": Call("fourthwall", lambda merchant, _: merchant.fourthwall.current()),
        "fresh": Call(
            "fourthwall", lambda merchant, _: merchant.fourthwall.current(fresh=True), counted=_FOURTHWALL_ASKED
        ),
    },
    "fourthwall/rotate": {
        "replaced": Call(
            "fourthwall", lambda merchant, _: merchant.fourthwall.rotate(), renewed, {"changed"}, _FOURTHWALL_ASKED
        )
    },
    "chicksx/public_token": {
        "a session's": Call("chicksx", lambda merchant, _: merchant.chicksx.token("s/1", scope=["wallet.read"]))
    },
    "chicksx/close_session": {
        "with a token": Call(
            "chicksx", lambda merchant, _: merchant.chicksx.close_session("s/1", order_id="order-1"), session
        ),
        "without one": Call("chicksx", lambda merchant, _: merchant.chicksx.close_session("s/1", order_id=5)),
    },
    "chicksx/rotate": {"unsupported": Call("chicksx", lambda merchant, _: merchant.chicksx.rotate())},
    "storefronts/get_trust_policy": {
        "stored": Call("shopify", lambda merchant, _: merchant.trust_policy.get(), policy)
    },
    "storefronts/put_trust_policy": {
        "only new": Call("shopify", lambda merchant, _: merchant.trust_policy.put(POLICY, only_new=True)),
        "if revision": Call(
            "shopify", lambda merchant, _: merchant.trust_policy.put(_OTHER_POLICY, if_revision=1), policy
        ),
    },
    "storefronts/delete_trust_policy": {
        "if revision": Call(
            "shopify",
            lambda merchant, _: {"deleted": merchant.trust_policy.delete(if_revision=1)},
            policy,
            first_only={"deleted"},
        ),
        "none": Call("shopify", lambda merchant, _: {"deleted": merchant.trust_policy.delete()}),
    },
    "storefronts/allow_preview_origin": {
        "one": Call(
            "shopify",
            lambda merchant, _: merchant.preview_origins.allow("https://pr-8.example", expires_in=7200),
            preview,
        )
    },
    "storefronts/list_preview_origins": {
        "one": Call("shopify", lambda merchant, _: {"origins": merchant.preview_origins.list()}, preview)
    },
    "storefronts/remove_preview_origin": {
        "one": Call(
            "shopify",
            lambda merchant, _: {"deleted": merchant.preview_origins.remove(_PREVIEW)},
            preview,
            first_only={"deleted"},
        )
    },
}
