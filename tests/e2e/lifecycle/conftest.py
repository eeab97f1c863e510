"""A merchant of Shopify on the deployed stack, made for one test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until
from token_broker_client import TokenBroker
from token_broker_client.providers import Shopify


@dataclass(frozen=True)
class Shop:
    """Calls the API for the merchant, and looks at what the table and the provider have of it."""

    stack: Stack
    broker: TokenBroker
    control: ControlClient
    table: TokenTable
    merchant: Merchant

    @property
    def name(self) -> str:
        return self.merchant.name

    @property
    def shopify(self) -> Shopify:
        """Return the client's calls for the merchant."""
        return self.broker.merchant(self.name).shopify

    def current(self, *, fresh: bool = False) -> str:
        """Return the id of the current token."""
        return self.shopify.current(fresh=fresh).token_id

    def create(self) -> str:
        """Create a standing token, and return its id."""
        return self.shopify.create("Kiosk").token_id

    def revoke_in_vain(self, token_id: str, *, refusals: int = 3) -> None:
        """Revoke a token while the provider refuses that. It still revokes tokens of other merchants."""
        self.control.fault("shopify", "status", status=503, method="DELETE", pathContains=token_id, times=refusals)
        assert self.shopify.revoke(token_id).state == "pending"

    def items(self) -> dict[str, dict[str, Any]]:
        return self.table.partition(f"shopify#{self.name}")

    def record(self, token_id: str) -> dict[str, Any]:
        return self.items()[f"token#{token_id}"]

    def states(self) -> dict[str, str]:
        return {item["tokenId"]: item["state"] for sk, item in self.items().items() if sk.startswith("token#")}

    def set_number(self, sk: str, path: str, value: int) -> None:
        self.table.set_number(f"shopify#{self.name}", sk, path, value)

    def account(self) -> dict[str, Any]:
        """Return what the provider has of the merchant."""
        return dict(self.control.state()["shopify"][self.name])

    def at_the_provider(self) -> set[str]:
        return {str(token["id"]) for token in self.account()["tokens"]}

    def run_dispatcher(self, happened: Callable[[], object] = lambda: True) -> None:
        """Run the dispatcher, and wait for what the worker does then."""
        dispatcher_runs.run(self.stack)
        wait_until(happened)


@pytest.fixture
def shop(stack: Stack, broker: TokenBroker, control: ControlClient, merchants: Merchants, table: TokenTable) -> Shop:
    return Shop(stack, broker, control, table, merchants.shopify())
