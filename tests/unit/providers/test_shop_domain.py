"""The only hosts to which a merchant's Shopify secret may be sent."""

import pytest

from token_broker.providers.shopify.account import shop_domain


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.myshopify.com", "acme.myshopify.com"),
        ("ACME.MyShopify.com", "acme.myshopify.com"),
        ("https://acme.myshopify.com/", "acme.myshopify.com"),
        ("http://acme.myshopify.com", "acme.myshopify.com"),
        ("  acme.myshopify.com  ", "acme.myshopify.com"),
        ("a.myshopify.com", "a.myshopify.com"),
        ("0-shop-9.myshopify.com", "0-shop-9.myshopify.com"),
        ("a" * 63 + ".myshopify.com", "a" * 63 + ".myshopify.com"),
    ],
)
def test_a_shops_domain_is_brought_into_one_form(text: str, domain: str) -> None:
    assert shop_domain(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "myshopify.com",
        ".myshopify.com",
        "attacker.example",
        "myshopify.com.evil.com",
        "\u212aelly.myshopify.com",  # the Kelvin sign, whose small letter is k
        "shop.myshopify.com.evil.com",
        "x.notmyshopify.com",
        "attacker.com/.myshopify.com",
        "attacker.com#.myshopify.com",
        "attacker.com?.myshopify.com",
        "attacker.com\\.myshopify.com",
        "shop.myshopify.com@evil.com",
        "user@shop.myshopify.com",
        "user:pass@shop.myshopify.com",
        "a.b.myshopify.com",
        "-shop.myshopify.com",
        "sh_op.myshopify.com",
        "shop.myshopify.com:443",
        "shop.myshopify.com:@evil.com",
        "shop.myshopify.com/admin",
        "shop.myshopify.com//",
        "shop.myshopify.com.",
        "shop.myshopify.com%00",
        "shop.myshopify.com\nevil.com",
        "evil.com\nshop.myshopify.com",
        "shop\n.myshopify.com",
        "sh op.myshopify.com",
        "shop.myshopify.com\x00",
        "ftp://shop.myshopify.com",
        "//shop.myshopify.com",
        "sh\u043ep.myshopify.com",  # a Cyrillic o
        "\uff53hop.myshopify.com",  # full width
        "shop\u3002myshopify\u3002com",
        "shop.myshopify.\u217dom",
        "sho\ufb00.myshopify.com",  # a ligature
        "{shop}.myshopify.com",
        "a" * 64 + ".myshopify.com",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert shop_domain(text) is None
