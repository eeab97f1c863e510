"""A current shop token in a warm function's memory is served without a network call."""

from collections.abc import Iterator

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.recorded_aws_calls import CallsSince, recorded
from token_broker_client import TokenBroker, errors


@pytest.fixture
def calls_to_aws(stack: Stack, aws: Aws) -> Iterator[CallsSince]:
    """Yield a function that returns the names of the AWS calls since its last call."""
    with recorded(stack, aws("cloudtrail")) as since:
        yield since


def test_a_warm_function_serves_a_shops_token_from_memory_and_a_cold_one_reads_it(
    stack: Stack, broker: TokenBroker, aws: Aws, control: ControlClient, merchants: Merchants, calls_to_aws: CallsSince
) -> None:
    fourthwall = broker.merchant(merchants.fourthwall().name).fourthwall
    calls_to_aws()
    first = fourthwall.current()
    assert calls_to_aws()[:1] == ["GetItem"], "the recorder sees what there is to see"

    for _ in range(3):
        assert fourthwall.current() == first
    assert calls_to_aws() == []

    # To write a setting again ends the idle processes, as a deployment does.
    name, lambdas = stack.described["functions"]["fourthwall/public_token"], aws("lambda")
    timeout = lambdas.get_function_configuration(FunctionName=name)["Timeout"]
    lambdas.update_function_configuration(FunctionName=name, Timeout=timeout)
    calls_to_aws()
    assert fourthwall.current() == first
    assert calls_to_aws() == ["GetItem"]
    assert len(control.requests("fourthwall")) == 1


def test_a_call_that_failed_has_not_cost_the_memory(
    broker: TokenBroker, direct: TokenBroker, merchants: Merchants, calls_to_aws: CallsSince
) -> None:
    """On AWS a function's process outlives an exception of its handler."""
    fourthwall = broker.merchant(merchants.fourthwall().name).fourthwall
    fourthwall.current()
    with pytest.raises(errors.InvalidRequest):
        direct.merchant("-").fourthwall.current()
    calls_to_aws()

    fourthwall.current()

    assert calls_to_aws() == []
