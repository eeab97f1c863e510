"""Merchants with storefronts: an account at each provider, a key that signs proofs, and a trust policy."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from sandbox.signed_api import Stack
from tests.e2e.storefronts.support.proof_tokens import hs256
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.routes import TRUST_POLICY

AUDIENCE = "token-broker"
KID = "first"
SCOPES = ("wallet.read", "merchant.read")
ANONYMOUS = ("fourthwall/public-token", "shopify/storefront-access-token")

type Document = dict[str, Any]

_AS_DYNAMODB = TypeSerializer().serialize
_PLAIN = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Shop:
    """One merchant with one storefront; `key` is the HS256 key that its backend signs proofs with."""

    name: str
    key: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Of the storefront's pages; also how its backend calls itself in proofs."""
        return f"https://{self.name}.example"

    def policy(self, **members: object) -> Document:
        """All that can be allowed; a member of None is left out."""
        document = {
            "version": 1,
            "origins": [self.origin],
            "anonymous": list(ANONYMOUS),
            "sessions": self.sessions(),
            **members,
        }
        return {name: value for name, value in document.items() if value is not None}

    def sessions(self, *more_proofs: Document, **own_proof: object) -> Document:
        """Return the policy's `sessions` member with the shop's own proofs and further ones."""
        own = {"type": "hs256", "issuer": self.origin, "audience": AUDIENCE, **own_proof}
        return {"scopes": list(SCOPES), "proofs": [own, *more_proofs]}

    def claims(self, session_id: str = "checkout-1", **changes: object) -> dict[str, Any]:
        """Return the backend's claims about a visitor's session, without the claims that are None."""
        now = int(time.time())
        usual = {"iss": self.origin, "aud": AUDIENCE, "sid": session_id, "iat": now, "exp": now + 300}
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def proof(self, session_id: str = "checkout-1", **changes: object) -> str:
        """Those claims, signed."""
        return hs256(self.claims(session_id, **changes), self.key, kid=KID)


@dataclass
class Shops:
    """Makes them."""

    stack: Stack
    merchants: Merchants
    dynamodb: Any

    def open(self, **members: object) -> Shop:
        """With a trust policy: what `Shop.policy` says, with these members."""
        shop = self.closed()
        self.put_policy(shop, shop.policy(**members))
        return shop

    def closed(self) -> Shop:
        """Without a trust policy."""
        name = f"store-{secrets.token_hex(4)}"
        for provider, credentials in _credentials(name).items():
            self.merchants.values |= set(credentials.values()) - {f"{name}.myshopify.com"}
            self.merchants.control.put_account(provider, name, **credentials)
            self.merchants.store(provider, name, json.dumps(credentials))
        shop = Shop(name, self.new_key())
        self.merchants.store("storefront-proof", name, json.dumps({"keys": {KID: shop.key}}))
        return shop

    def new_key(self) -> str:
        """Create an HS256 key and note it as a value that must not leak."""
        key = secrets.token_hex(24)
        self.merchants.values.add(key)
        return key

    def change_keys(self, shop: Shop, keys: Mapping[str, str]) -> None:
        """Other keys in the merchant's secret."""
        self.merchants.rewrite("storefront-proof", shop.name, json.dumps({"keys": dict(keys)}))

    def put_policy(self, shop: Shop, document: Document) -> None:
        """By the route."""
        response = self.stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), document)
        assert response.status_code in (200, 201), response.text

    def delete_policy(self, shop: Shop) -> None:
        """By the route."""
        response = self.stack.call("DELETE", TRUST_POLICY.format(merchant=shop.name))
        assert response.json() == {"deleted": True}, response.text

    def stored_policy(self, shop: Shop) -> dict[str, Any] | None:
        """Return the stored policy item without its key, or None if no policy was ever stored."""
        answer = self.dynamodb.get_item(
            TableName=self.stack.described["table"],
            Key={"pk": {"S": f"policy#{shop.name}"}, "sk": {"S": "policy"}},
            ConsistentRead=True,
        )
        item = {name: _PLAIN(value) for name, value in answer.get("Item", {}).items() if name not in ("pk", "sk")}
        return item or None

    def smuggle_policy(self, shop: Shop, document: Document, revision: int = 1) -> None:
        """Straight into the table: nobody has checked it."""
        item = {
            "pk": f"policy#{shop.name}",
            "sk": "policy",
            "revision": revision,
            "document": document,
            "changedAt": int(time.time()),
            "changedBy": "somebody",
        }
        self.dynamodb.put_item(
            TableName=self.stack.described["table"],
            Item={name: _AS_DYNAMODB(value) for name, value in item.items()},
        )


def _credentials(name: str) -> dict[str, dict[str, str]]:
    def random() -> str:
        return secrets.token_hex(16)

    return {
        "fourthwall": {"username": f"fw_api_{random()}", "password": random()},
        "chicksx": {"apiKey": random(), "clientId": random()},
        "shopify": {"shop": f"{name}.myshopify.com", "adminAccessToken": f"shpat_{random()}"},
    }
