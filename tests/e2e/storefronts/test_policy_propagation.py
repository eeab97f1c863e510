"""A change of a trust policy bites within 90 s: 60 in the gateway's cache, which the local AWS lacks, and 30 in the
authorizer's memory.

It runs last, behind tests that take longer than 30 s. Alone it waits for the change.
"""

import time

import pytest

from tests.e2e.storefronts.support.policy_changes import MOVED_TO, PolicyChanges

pytestmark = pytest.mark.run_last
pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

BITES_WITHIN = 90


def test_a_change_of_any_kind_is_felt_in_time(policy_changes: PolicyChanges) -> None:
    while not all((closed := policy_changes.closed()).values()):
        assert time.monotonic() < policy_changes.changed_at + BITES_WITHIN, f"not yet: {closed}"
        time.sleep(1)

    assert policy_changes.is_open(policy_changes.moved, MOVED_TO)
    assert policy_changes.is_open(policy_changes.late)
