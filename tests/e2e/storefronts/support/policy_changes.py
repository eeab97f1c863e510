"""Changes of trust policies that the authorizers knew already, and how storefronts feel them."""

import time
from dataclasses import dataclass, field

from sandbox.signed_api import Stack
from tests.e2e.storefronts.support.merchant_shops import Shop, Shops
from tests.e2e.storefronts.support.storefront_requests import page, session
from tests.e2e.support.routes import STOREFRONT_FOURTHWALL

MOVED_TO = "https://moved.example"


@dataclass
class PolicyChanges:
    """Five merchants, each with a change of another kind; `changed_at` is on the monotonic clock.

    `believed` is what was `closed` right after the changes.
    """

    stack: Stack
    shops: Shops
    changed_at: float = 0.0
    believed: dict[str, bool] = field(default_factory=dict)
    moved: Shop = field(init=False)
    narrowed: Shop = field(init=False)
    deleted: Shop = field(init=False)
    without_sessions: Shop = field(init=False)
    late: Shop = field(init=False)

    def __post_init__(self) -> None:
        self.moved, self.narrowed, self.deleted, self.without_sessions = (self.shops.open() for _ in range(4))
        self.late = self.shops.closed()

    def make(self) -> None:
        """All of them, now, where the authorizers know what stood before."""
        self.closed()
        self.is_open(self.late)
        self.shops.put_policy(self.moved, self.moved.policy(origins=[MOVED_TO]))
        self.shops.put_policy(self.narrowed, self.narrowed.policy(anonymous=["shopify/storefront-access-token"]))
        self.shops.delete_policy(self.deleted)
        self.shops.put_policy(self.without_sessions, self.without_sessions.policy(sessions=None))
        self.shops.put_policy(self.late, self.late.policy())
        self.changed_at = time.monotonic()
        self.believed = self.closed()

    def closed(self) -> dict[str, bool]:
        """Whether what the changes take away is refused."""
        shops = {"moved": self.moved, "narrowed": self.narrowed, "deleted": self.deleted}
        proof, body = self.without_sessions.proof(), {"sessionId": "checkout-1"}
        return {
            **{name: not self.is_open(shop) for name, shop in shops.items()},
            "without sessions": not session(self.stack, self.without_sessions, proof, body).ok,
        }

    def is_open(self, shop: Shop, origin: str = "") -> bool:
        """Whether a page gets the shop's token."""
        return page(self.stack, STOREFRONT_FOURTHWALL.format(merchant=shop.name), origin or shop.origin).ok
