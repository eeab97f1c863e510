"""Merchants' secrets while the stack runs: new ones, changed ones, and those that can't be used."""

import json

import pytest

from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from token_broker_client import TokenBroker, errors

CANARY = "shpat_c0ffee00c0ffee00c0ffee00c0ffee00"


@pytest.mark.parametrize("kind", ["fourthwall_with_token", "shopify_with_client"])
def test_a_changed_secret_works_at_once(
    broker: TokenBroker, control: ControlClient, merchants: Merchants, kind: str
) -> None:
    merchant = getattr(merchants, kind)()
    called = broker.merchant(merchant.name)

    def ask() -> object:
        """Send a call that reaches the provider whatever is stored."""
        return called.shopify.list() if merchant.provider == "shopify" else called.fourthwall.current(fresh=True)

    ask()
    control.forget_requests()
    merchants.change_credentials(merchant)

    ask()
    seen = control.requests(merchant.provider)
    first, last = (each["status"] for each in seen if "oauth" not in each["path"])
    assert (first, last) == (401, 200), "the old secret was tried from memory"


@pytest.mark.parametrize("content", [f'{{"adminAccessToken":"{CANARY}"', CANARY.encode()], ids=["cut short", "bytes"])
def test_a_secret_that_is_missing_or_cannot_be_used_works_at_once_when_it_is_put_right(
    broker: TokenBroker, control: ControlClient, merchants: Merchants, content: str | bytes
) -> None:
    name = merchants.nobody()
    shopify = broker.merchant(name).shopify
    with pytest.raises(errors.MerchantNotFound):
        shopify.current()
    merchants.store("shopify", name, content)
    merchants.values.add(CANARY)

    with pytest.raises(errors.MerchantMisconfigured, match=name) as refused:
        shopify.current()

    assert CANARY not in str(refused.value)
    assert control.requests() == []
    fields = {"shop": f"{name}.myshopify.com", "adminAccessToken": f"shpat_{name}"}
    control.put_account("shopify", name, **fields)
    merchants.rewrite("shopify", name, json.dumps(fields))
    shopify.current()
