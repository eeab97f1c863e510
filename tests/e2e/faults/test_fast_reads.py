"""The deployed functions read the table without the SDK, unless the template's parameter switches that off."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.faults.harness import Bench
from tests.e2e.faults.operations import Scene, current, current_id

FUNCTION = "shopify/storefront_access_token"


@pytest.fixture
def configured(bench: Bench) -> Iterator[Any]:
    """Return a function that sets FAST_READS. Each change ends the processes of before."""
    aws, name = bench.stack.client("lambda"), bench.stack.described["functions"][FUNCTION]
    variables = aws.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def configure(value: str) -> None:
        changed = {**variables, "FAST_READS": value}
        aws.update_function_configuration(FunctionName=name, Environment={"Variables": changed})

    yield configure
    aws.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_the_sdk_reads_after_a_failure_of_the_fast_read_alone(bench: Bench, configured: Any) -> None:
    """The SDK does not repeat a read whose credentials have ended. So only the fast read's failure can be served."""
    scene = Scene(bench, bench.merchants.of("shopify").name)
    token_id = current_id(scene)

    def answer(value: str) -> Any:
        configured(value)
        bench.proxy.fault("expired", operation="GetItem", contains=scene.merchant)
        response = current(scene)
        bench.proxy.clear_faults()
        return response

    assert answer("true").body.token_id == token_id
    assert answer("false").code == "storage_unavailable"
