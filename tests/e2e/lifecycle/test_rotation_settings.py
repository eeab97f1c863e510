"""On the deployed stack a merchant opts in to rotation, and the worker makes another token current in time.

The test runs the dispatcher itself, and makes the current token older in the table.
"""

import time
from dataclasses import replace

import pytest

from tests.e2e.lifecycle.conftest import Shop
from token_broker_client import TokenBroker, errors
from token_broker_client.models import RotationSettings

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
DAY = 24 * 60 * 60


def make_older(shop: Shop, days: int) -> None:
    """As if so many days had passed: the current token is older by them, and what waits waits less."""
    items = shop.items()
    issued_at = int(items["subject#shop"]["current"]["issuedAt"])
    shop.set_number("subject#shop", "current.issuedAt", issued_at - days * DAY)
    for sk, item in items.items():
        if "dueAt" in item:
            shop.set_number(sk, "dueAt", int(item["dueAt"]) - days * DAY)


def test_settings_are_put_got_and_changed_by_whoever_has_seen_them(shop: Shop) -> None:
    wanted, shopify = RotationSettings(max_age_days=90, overlap_days=14), shop.shopify
    assert shopify.rotation_settings() == RotationSettings()

    assert shopify.set_rotation_settings(wanted, only_new=True) == replace(wanted, revision=1)
    assert shopify.rotation_settings() == replace(wanted, revision=1)
    with pytest.raises(errors.PreconditionFailed):
        shopify.set_rotation_settings(RotationSettings(), only_new=True)
    with pytest.raises(errors.PreconditionFailed):
        shopify.set_rotation_settings(RotationSettings(), if_revision=2)
    paused = RotationSettings(paused=True)

    assert shopify.set_rotation_settings(paused, if_revision=1) == replace(paused, revision=2)
    assert shop.items()["settings#rotation"]["changedBy"] == ADMINISTRATOR


def test_a_token_of_that_age_is_replaced_and_revoked_after_its_overlap(direct: TokenBroker, shop: Shop) -> None:
    def looked_at() -> bool:
        return bool(shop.items()["settings#rotation"].get("dueAt", 0) > time.time())

    first = shop.shopify.current()
    shop.shopify.set_rotation_settings(RotationSettings(max_age_days=90))
    shop.run_dispatcher(looked_at)
    assert "rotation#shop" not in shop.items(), "it is not old enough"

    make_older(shop, 91)
    shop.run_dispatcher(lambda: "rotation#shop" in shop.items() and looked_at())
    shop.run_dispatcher(lambda: "dueAt" not in shop.items()["rotation#shop"])

    second = shop.current(fresh=True)
    assert second != first.token_id
    assert shop.items()["rotation#shop"]["requestedBy"] == "clock"
    retiring = shop.shopify.record(first.token_id)
    assert (retiring.state, retiring.access_token) == ("retiring", first.access_token)

    make_older(shop, 8)
    shop.run_dispatcher(lambda: shop.states()[first.token_id] == "revoked")

    assert shop.at_the_provider() == {second}
    shown = shop.shopify.record(first.token_id)
    assert (shown.state, shown.access_token) == ("revoked", None)
    assert [(line.before, line.after, line.why) for line in shown.history] == [
        (None, "current", "minted"),
        ("current", "retiring", "rotated"),
        ("retiring", "revoking", "rotated"),
        ("revoking", "revoked", "rotated"),
    ]
    began, _, *ended = [line.by for line in shown.history]
    assert (began, ended) == (ADMINISTRATOR, ["clock", "clock"])
    assert direct.merchant(shop.name).shopify.record(first.token_id) == shown
