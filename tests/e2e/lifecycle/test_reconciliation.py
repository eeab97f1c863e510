"""On the deployed stack: what somebody did at the provider behind the broker's back is found, and put right."""

import time
import urllib.request

from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.token_table import DAILY
from token_broker_client.models import Reconciliation

#: Seconds after which a record that is not listed is lost.
SETTLED_AFTER = 120
#: Seconds until the next reconciliation, at least.
SOON = 17 * 3600


def end_elsewhere(shop: Shop, token_id: str) -> None:
    """Somebody else ends a token with the same app."""
    base = shop.stack.described["providers"]["shopify"]
    address = f"{base}/admin/api/2026-10/storefront_access_tokens/{token_id}.json"
    headers = {"X-Shopify-Access-Token": shop.merchant.secret["adminAccessToken"]}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE"), timeout=10):  # noqa: S310
        pass


def plant(shop: Shop) -> str:
    """Create a token with this stack's ownership tag and without a record."""
    broker_id = shop.table.partition("broker")["id"]["brokerId"]
    (planted,) = shop.control.plant_tokens(shop.name, title=f"Kiosk [tb:{broker_id}:{'a' * 26}]")
    return str(planted["id"])


def found(reconciliation: Reconciliation) -> dict[str, list[str]]:
    """Return the findings."""
    return {name: sorted(ids) for name, ids in reconciliation.tokens.items() if ids}


def test_what_others_have_done_is_shown_and_then_put_right(shop: Shop) -> None:
    first, standing, kept, astray = shop.current(), shop.create(), shop.create(), plant(shop)
    (foreign,) = shop.control.plant_tokens(shop.name, title="Somebody else's")
    for token_id in (first, standing):
        end_elsewhere(shop, token_id)
        shop.set_number(f"token#{token_id}", "history[0].at", int(time.time()) - SETTLED_AFTER - 1)
    expected = {"fine": [kept], "unrecorded": [astray], "foreign": [str(foreign["id"])]}
    expected["lost"] = sorted([first, standing])
    before = shop.items()

    dry = shop.shopify.reconcile()

    assert (found(dry), dry.applied, shop.items()) == (expected, False, before)

    applied = shop.shopify.reconcile(apply=True)

    assert found(applied) == expected
    assert (applied.done["adopted"], sorted(applied.done["lost"])) == ([astray], expected["lost"])
    minted = applied.done["minted"]
    assert shop.current(fresh=True) == minted
    assert shop.states() == {first: "lost", standing: "lost", kept: "standing", astray: "standing", minted: "current"}
    assert set(found(shop.shopify.reconcile())) == {"fine", "foreign"}


def test_the_worker_reconciles_by_itself(shop: Shop) -> None:
    shop.create()
    astray = plant(shop)
    assert shop.items()[DAILY]["dueAt"] > time.time() + SOON
    shop.set_number(DAILY, "dueAt", int(time.time()) - 1)

    shop.run_dispatcher(lambda: "reconciledAt" in shop.items()[DAILY])

    assert (shop.states()[astray], shop.record(astray)["history"][0]["by"]) == ("standing", "clock")
    assert shop.items()[DAILY]["dueAt"] > time.time() + SOON


def test_a_create_at_the_limit_has_what_is_to_go_ended_first(shop: Shop) -> None:
    gone = shop.create()
    shop.revoke_in_vain(gone)
    shop.control.plant_tokens(shop.name, count=99)

    made = shop.create()

    listed = shop.at_the_provider()
    assert (len(listed), made in listed, gone in listed) == (100, True, False)
