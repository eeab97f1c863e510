"""Shopify's secret: which shop, which credentials, which version."""

from typing import Any

import pytest

from tests.fakes.shopify import EXCHANGED, PERMANENT, ShopifyLine
from token_broker.errors import MerchantMisconfigured
from token_broker.ports.provider import Account
from token_broker.providers.shopify.account import shop_domain

CANARY = "sk_live_canary"


def account(secret: dict[str, Any]) -> Account:
    return ShopifyLine(secret=secret).account


def refusal(secret: dict[str, Any]) -> str:
    with pytest.raises(MerchantMisconfigured, match="secret shopify/acme") as refused:
        account(secret)
    assert CANARY not in refused.value.detail
    return refused.value.detail


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


@pytest.mark.parametrize(
    "version",
    ["2026-13", "2026-00", "26-10", "2026-1", "latest", "2026-10/..", "2026-10\n", "../2026-10", "v1", CANARY],
)
def test_a_version_that_cannot_be_one_is_refused_and_not_quoted(version: str) -> None:
    assert "the field 'apiVersion'" in refusal({**PERMANENT, "apiVersion": version})


@pytest.mark.parametrize("shop", ["", "attacker.example", "shop.myshopify.com\n", f"{CANARY}.example"])
def test_a_secret_for_another_host_is_refused_and_not_quoted(shop: str) -> None:
    assert "the field 'shop'" in refusal({**PERMANENT, "shop": shop})


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
    refusal(secret)


@pytest.mark.parametrize(
    "shop", ["  Xanadu.myshopify.com  ", "https://Xanadu.myshopify.com/", "http://xanadu.MyShopify.com"]
)
def test_a_shop_may_be_written_as_people_write_it(shop: str) -> None:
    assert account({**PERMANENT, "shop": shop}).account_id == "xanadu.myshopify.com"


@pytest.mark.parametrize("domain", ["a.myshopify.com", "0-shop-9.myshopify.com", "a" * 63 + ".myshopify.com"])
def test_a_shops_domain_stays_as_it_is(domain: str) -> None:
    assert shop_domain(domain) == domain


#: What a merchant's secret must never be sent to, by the trick.
OTHER_HOSTS = {
    "no shop": ("", "myshopify.com", ".myshopify.com", "attacker.example", "a" * 64 + ".myshopify.com"),
    "a longer name": ("myshopify.com.evil.com", "shop.myshopify.com.evil.com", "x.notmyshopify.com"),
    "a part of a URL": tuple(f"attacker.com{mark}.myshopify.com" for mark in "/#?\\"),
    "a user": ("shop.myshopify.com@evil.com", "user@shop.myshopify.com", "user:pass@shop.myshopify.com"),
    "no label": tuple(f"{name}.myshopify.com" for name in ("a.b", "-shop", "sh_op", "shop\n", "sh op", "{shop}")),
    "more behind": tuple(
        f"shop.myshopify.com{more}" for more in (":443", ":@evil.com", "/admin", "//", ".", "%00", "\nevil.com", "\x00")
    ),
    "more before": tuple(f"{more}shop.myshopify.com" for more in ("evil.com\n", "ftp://", "//")),
    # The Kelvin sign, whose small letter is k, a Cyrillic o, full width, and a ligature.
    "letters": tuple(f"{name}.myshopify.com" for name in ("\u212aelly", "sh\u043ep", "\uff53hop", "sho\ufb00")),
    # An ideographic full stop, and a Roman numeral.
    "marks": ("shop\u3002myshopify\u3002com", "shop.myshopify.\u217dom"),
}


@pytest.mark.parametrize("text", [text for texts in OTHER_HOSTS.values() for text in texts])
def test_anything_else_is_no_shops_domain(text: str) -> None:
    assert shop_domain(text) is None
