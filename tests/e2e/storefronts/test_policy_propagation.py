"""A change of a trust policy takes effect within 90 s.

The gateway's cache keeps a decision for 60 s, but the local AWS lacks this cache. The authorizer's cache keeps a
policy for 30 s.

The test runs last, after tests that take longer than 30 s. If it runs alone, it waits for the change.
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
