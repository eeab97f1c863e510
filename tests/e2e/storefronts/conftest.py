"""What the tests of storefronts share: `pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]` brings it in."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.support.authorizer_log import AuthorizerLog
from tests.e2e.storefronts.support.merchant_shops import Shops
from tests.e2e.storefronts.support.policy_changes import PolicyChanges
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.recorded_aws_calls import CallsSince, recorded


@pytest.fixture(scope="session")
def shops(stack: Stack, aws: Aws, merchants: Merchants) -> Shops:
    return Shops(stack, merchants, aws("dynamodb"))


@pytest.fixture(scope="session")
def issuer(stack: Stack) -> str:
    """Return the simulated OIDC issuer's address, the only loopback address from which the stack accepts keys."""
    return str(json.loads((stack.folder / "simulators.json").read_text())["issuer"])


@pytest.fixture
def calls_to_aws(stack: Stack, aws: Aws) -> Iterator[CallsSince]:
    """Yield a function that returns the names of the AWS calls since its last call."""
    with recorded(stack, aws("cloudtrail")) as since:
        yield since


@pytest.fixture(scope="session")
def authorizer_log(stack: Stack, aws: Aws) -> AuthorizerLog:
    return AuthorizerLog(stack, aws("lambda"), aws("logs"))


@pytest.fixture(scope="session")
def policy_changes(stack: Stack, shops: Shops) -> PolicyChanges:
    """Made when a test first asks for them."""
    changes = PolicyChanges(stack, shops)
    changes.make()
    return changes


@pytest.fixture
def minted(simulators: ControlClient) -> Callable[[str], list[dict[str, Any]]]:
    """Return a function that lists the tokens that ChicksX has issued for a merchant."""

    def of(merchant: str) -> list[dict[str, Any]]:
        return list(simulators.state()["chicksx"][merchant]["tokens"])

    return of
