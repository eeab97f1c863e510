"""On the deployed stack a rotation mints first, requests are merged, and the worker revokes the replaced token."""

import pytest

from sandbox.simulators import ControlClient
from tests.callers import at_once
from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.waiting import wait_until
from token_broker_client import TokenBroker, errors
from token_broker_client.models import UnsupportedRotation

CALLERS = 10
#: Seconds for a message to be taken and worked on, and for what a function has in memory to be forgotten.
FORGOTTEN = 45.0


@pytest.fixture
def old(shop: Shop) -> str:
    """Return the id of the shop's token."""
    return shop.current()


def test_the_old_token_works_until_its_overlap_is_over(shop: Shop, old: str) -> None:
    rotation = shop.shopify.rotate()

    new = rotation.token_id
    assert new is not None
    assert (rotation.state, rotation.previous_token_id) == ("done", old)
    assert shop.at_the_provider() == {old, new}
    assert shop.states() == {old: "retiring", new: "current"}
    wait_until(lambda: shop.current() == new, "the old one is forgotten", patience=FORGOTTEN)

    shop.table.bring_forward([shop.name])
    shop.run_dispatcher(lambda: shop.states()[old] == "revoked")

    assert shop.at_the_provider() == {new}


def test_many_at_once_are_one_rotation(broker: TokenBroker, merchants: Merchants, shop: Shop, old: str) -> None:
    def of_nobody() -> None:
        with pytest.raises(errors.MerchantNotFound):
            broker.merchant(merchants.nobody()).shopify.rotate()

    # A process for each of them, so that what follows really happens at once.
    at_once([of_nobody] * CALLERS)

    rotations = at_once([shop.shopify.rotate] * CALLERS)

    assert len({rotation.rotation_id for rotation in rotations}) == 1
    assert shop.account()["mints"] == 2
    assert sorted(shop.states().values()) == ["current", "retiring"]
    assert shop.states()[old] == "retiring"


def test_the_worker_revokes_a_compromised_token_at_the_provider(direct: TokenBroker, shop: Shop, old: str) -> None:
    ordinary = shop.shopify.rotate().token_id

    new = direct.merchant(shop.name).shopify.rotate(compromised=True).token_id

    assert shop.states() == {old: "revoking", ordinary: "revoking", new: "current"}
    shop.run_dispatcher()
    assert shop.at_the_provider() == {old, ordinary, new}, "a memory may still have them"
    shop.table.bring_forward([shop.name])
    shop.run_dispatcher(lambda: shop.at_the_provider() == {new})


def test_fourthwalls_change_is_noticed(broker: TokenBroker, control: ControlClient, merchants: Merchants) -> None:
    name = merchants.fourthwall().name
    fourthwall = broker.merchant(name).fourthwall
    fourthwall.current()
    assert fourthwall.rotate() == UnsupportedRotation(rotation="unsupported", changed=False)
    control.renew_fourthwall_token(name)

    assert fourthwall.rotate().changed
