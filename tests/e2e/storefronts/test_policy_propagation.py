"""A change of a trust policy bites within 90 s: 60 in the gateway's cache, which the local AWS lacks, and 30 in the
authorizer's memory.

The file's name puts it behind those of the other storefront tests, which take longer than 30 s. Alone it waits for it.
"""

import time

from tests.e2e.policy_changes import MOVED_TO, PolicyChanges

pytest_plugins = ["tests.e2e.storefront_fixtures"]

BITES_WITHIN = 90


def test_a_change_of_any_kind_is_felt_in_time(policy_changes: PolicyChanges) -> None:
    while not all((closed := policy_changes.closed()).values()):
        assert time.monotonic() < policy_changes.changed_at + BITES_WITHIN, f"not yet: {closed}"
        time.sleep(1)

    assert policy_changes.is_open(policy_changes.moved, MOVED_TO)
    assert policy_changes.is_open(policy_changes.late)
