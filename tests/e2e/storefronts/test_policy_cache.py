"""Until a change of a trust policy is felt: an authorizer answers from its memory, and reads nothing.

How long that may be is in test_policy_propagation.py, which runs last. This way nobody waits for it.
"""

from sandbox.signed_api import Stack
from tests.e2e.storefronts.support.merchant_shops import Shops
from tests.e2e.storefronts.support.policy_changes import PolicyChanges
from tests.e2e.support.recorded_aws_calls import CallsSince

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]


def test_a_policy_is_read_once_and_then_known(stack: Stack, shops: Shops, calls_to_aws: CallsSince) -> None:
    unchanged = PolicyChanges(stack, shops)
    for _ in range(2):
        assert not any(unchanged.closed().values())
    calls_to_aws()

    assert not any(unchanged.closed().values())

    assert calls_to_aws() == ["Query"], "no policy is read again; a session's token always is"


def test_what_is_known_is_believed_for_a_moment_after_a_change(policy_changes: PolicyChanges) -> None:
    assert not any(policy_changes.believed.values())
