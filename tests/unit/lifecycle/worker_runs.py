"""Run the worker on a stack in memory, and read what it left."""

from collections.abc import Callable

import pytest

from tests.fakes.surroundings import ListingStack
from token_broker.domain.token import SHOP, State, Token
from token_broker.lifecycle.worker import maintain


def due(stack: ListingStack) -> list[str]:
    """Return the keys of the due items, except the daily reconciliation."""
    return [item for item in stack.store.due_items("acme") if item != "reconciliation#shop"]


def work(stack: ListingStack, *items: str, seconds: float = 23.0) -> dict[str, int]:
    """Run the worker on these items, or on all that are due, and compare what it counts with what it returns."""
    found = maintain(stack.listing_call("queue", seconds), "acme", items or stack.store.due_items("acme"))
    counted = [("DueItemsDone", found["done"]), ("DueItemsPutOff", found["putOff"]), ("DueItemsLeft", found["left"])]
    assert [(name, value) for name, value, _ in stack.telemetry.counts[-3:]] == counted
    return found


def result(*, done: int = 0, put_off: int = 0, left: int = 0) -> dict[str, int]:
    return {"done": done, "putOff": put_off, "left": left}


def record(stack: ListingStack, token_id: str) -> Token:
    return stack.store.records["acme", SHOP, token_id]


def states(stack: ListingStack) -> dict[str, State]:
    return {token_id: each.state for (_, _, token_id), each in stack.store.records.items()}


def told(stack: ListingStack, kind: str) -> list[dict[str, object]]:
    return [dict(event.detail) for event in stack.store.told if event.type == kind]


def secret_gone(stack: ListingStack) -> None:
    stack.secrets.delete("acme")


def secret_broken(stack: ListingStack) -> None:
    stack.secrets.stored["acme"] = {"other": "field"}
    stack.secrets.kept.clear()


def secret_back(stack: ListingStack) -> None:
    stack.secrets.stored["acme"] = {"key": "first-key"}
    stack.secrets.kept.clear()


type Happen = Callable[[ListingStack], None]

#: What makes the merchant's secret unusable.
unusable_secret = pytest.mark.parametrize("happen", [secret_gone, secret_broken])
