"""On the deployed stack the dispatcher, the queue and the worker finish the work that a call could not finish.

The tests run the dispatcher themselves, and move later due times in the table.
"""

import time
from functools import partial

from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.waiting import wait_until


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

    assert shop.at_the_provider() == set()
    wait_until(lambda: not shop.table.due([shop.name]), "the event's delivery")
