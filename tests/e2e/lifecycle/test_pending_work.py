"""On the deployed stack the dispatcher, the queue and the worker finish the work that a call could not finish.

The tests run the dispatcher themselves, and move later due times in the table.
"""

import time
from functools import partial
from typing import Any

import pytest

from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.routes import SHOPIFY, SHOPIFY_CURRENT


def test_the_worker_confirms_a_revocation_that_the_provider_rejected_for_a_while(shop: Shop) -> None:
    token_id = shop.create()
    shop.revoke_in_vain(token_id, refusals=9)

    def was_tried(times: int) -> bool:
        return bool(shop.record(token_id).get("tries") == times)

    for tries in (1, 2):
        shop.run_dispatcher(partial(was_tried, tries))
        assert (shop.states(), shop.at_the_provider()) == ({token_id: "revoking"}, {token_id})
        assert shop.record(token_id)["dueAt"] > time.time() + 20
        shop.table.bring_forward([shop.name])
    shop.run_dispatcher(lambda: shop.states() == {token_id: "revoked"})

    assert (shop.at_the_provider(), shop.table.due([shop.name])) == (set(), set())


@pytest.mark.parametrize(
    ("method", "path", "body", "state"),
    [("GET", SHOPIFY_CURRENT, None, "current"), ("POST", SHOPIFY, {"title": "Kiosk"}, "standing")],
)
def test_an_intent_that_a_lost_answer_left_open_is_adopted(
    shop: Shop, method: str, path: str, body: Any, state: str
) -> None:
    shop.control.fault("shopify", "act_then_drop", method="POST")
    shop.control.fault("shopify", "status", status=500, method="GET", times=3)
    assert shop.call(method, path, body).status_code == 504
    (token_id,) = shop.at_the_provider()
    assert len(shop.table.due([shop.name])) == 1

    shop.table.bring_forward([shop.name])
    shop.run_dispatcher(lambda: shop.states() == {token_id: state})

    assert (shop.at_the_provider(), shop.table.due([shop.name])) == ({token_id}, set())
