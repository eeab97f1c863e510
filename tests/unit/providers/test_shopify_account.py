"""Shopify's secret: which shop, which credentials, which version."""

from typing import Any

import pytest

from tests.fakes.shopify import EXCHANGED, PERMANENT, ShopifyLine
from token_broker.errors import MerchantMisconfigured
from token_broker.ports.provider import Account

CANARY = "sk_live_canary"


def account(secret: dict[str, Any]) -> Account:
    return ShopifyLine(secret=secret).account


def test_a_permanent_admin_token_is_a_credential_and_the_shop_is_not() -> None:
    read = account(PERMANENT)

    assert read.secrets() == ("shpat_permanent",)
    assert read.settings == {"shop": "acme.myshopify.com", "apiVersion": "2026-10"}
    assert (read.merchant, read.account_id) == ("acme", "acme.myshopify.com")


def test_a_client_id_and_secret_are_credentials() -> None:
    assert account(EXCHANGED).secrets() == ("client-1", "shpss_secret-1")


@pytest.mark.parametrize("version", ["2026-01", "2025-12", "unstable", "unversioned"])
def test_a_secret_may_choose_its_version_which_is_no_credential(version: str) -> None:
    read = account({**PERMANENT, "apiVersion": version})

    assert read.settings["apiVersion"] == version
    assert read.credentials == {"adminAccessToken": "shpat_permanent"}


@pytest.mark.parametrize("shop", ["  Xanadu.myshopify.com  ", "https://Xanadu.myshopify.com/", "xanadu.myshopify.com"])
def test_a_shop_may_be_written_as_people_write_it(shop: str) -> None:
    assert account({**PERMANENT, "shop": shop}).account_id == "xanadu.myshopify.com"


@pytest.mark.parametrize(
    "version",
    ["2026-13", "2026-00", "26-10", "2026-1", "latest", "2026-10/..", "2026-10\n", "../2026-10", "v1", CANARY],
)
def test_a_version_that_cannot_be_one_is_refused_and_not_quoted(version: str) -> None:
    with pytest.raises(MerchantMisconfigured, match=r"secret shopify/acme: the field 'apiVersion'") as refused:
        account({**PERMANENT, "apiVersion": version})

    assert CANARY not in refused.value.detail


@pytest.mark.parametrize(
    "shop",
    [
        "attacker.example",
        "myshopify.com",
        "myshopify.com.evil.com",
        "x.notmyshopify.com",
        "attacker.com/.myshopify.com",
        "shop.myshopify.com@evil.com",
        "shop.myshopify.com:8443",
        "\u212aelly.myshopify.com",  # the Kelvin sign, whose small letter is k
        "shop.myshopify.com\n",
        f"{CANARY}.example",
    ],
)
def test_a_secret_for_another_host_is_refused_and_not_quoted(shop: str) -> None:
    with pytest.raises(MerchantMisconfigured, match=r"secret shopify/acme: the field 'shop'") as refused:
        account({**PERMANENT, "shop": shop})

    assert CANARY not in refused.value.detail


def test_an_empty_shop_is_refused() -> None:
    with pytest.raises(MerchantMisconfigured, match="'shop'"):
        account({**PERMANENT, "shop": ""})


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {"shop": "acme.myshopify.com"},
        {"adminAccessToken": "shpat_x"},
        {"shop": "acme.myshopify.com", "clientId": "i"},
        {**PERMANENT, **EXCHANGED},
        {**PERMANENT, "refreshToken": "shprt_x"},
        {**EXCHANGED, "app": "my-app"},
        {**EXCHANGED, "app": "my-app", "refreshToken": "shprt_x"},
        {**PERMANENT, "app": "my-app", "refreshToken": "shprt_x"},
        {**PERMANENT, "app": "../other"},
        {"shop": "acme.myshopify.com", "app": ""},
        {**PERMANENT, "accessToken": CANARY},
        {**PERMANENT, "adminAccessToken": 7},
    ],
)
def test_a_secret_of_another_shape_is_refused(secret: dict[str, Any]) -> None:
    with pytest.raises(MerchantMisconfigured, match="secret shopify/acme") as refused:
        account(secret)

    assert CANARY not in refused.value.detail
