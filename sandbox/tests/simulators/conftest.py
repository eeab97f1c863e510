"""The simulated Shopify with its account `demo`."""

import pytest

from sandbox.simulators import Addresses, ControlClient
from sandbox.tests.simulators.shopify_account import ShopifyAccount


@pytest.fixture
def shopify(simulators: Addresses, control: ControlClient) -> ShopifyAccount:
    account = ShopifyAccount(simulators["shopify"], control)
    account.put()
    return account
