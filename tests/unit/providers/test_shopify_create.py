"""Shopify's create, versioned and unversioned: the request, and every answer."""

import json
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.shopify import ENTRY, EXCHANGED, PERMANENT, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.token import ProviderToken
from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    RequestOutcome,
)
from token_broker.ports.provider import MintRequest

UNVERSIONED = {**PERMANENT, "apiVersion": "unversioned"}


def created(**changes: Any) -> Step:
    return json_answer(200, {"storefront_access_token": {**ENTRY, **changes}})


def create(line: ShopifyLine, title: str = "Test") -> ProviderToken:
    return line.shopify.mint(line.account, MintRequest(title=title), line.deadline)


def failure(*said: Step) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        create(ShopifyLine(*said))
    return raised.value


def test_the_request_is_a_post_to_the_version_with_the_title() -> None:
    line = ShopifyLine(created())

    create(line, "Ünï 😀")

    assert line.request.method == "POST"
    assert line.request.url == "https://acme.myshopify.com/admin/api/2026-10/storefront_access_tokens.json"
    assert line.request.headers == {"X-Shopify-Access-Token": "shpat_permanent", "Content-Type": "application/json"}
    assert json.loads(line.request.body or b"") == {"storefront_access_token": {"title": "Ünï 😀"}}


def test_the_older_address_has_no_version() -> None:
    line = ShopifyLine(created(), secret=UNVERSIONED)

    create(line)

    assert line.request.url == "https://acme.myshopify.com/admin/storefront_access_tokens.json"


def test_another_base_address_may_name_the_shop_in_its_path() -> None:
    line = ShopifyLine(created(), base_url="http://127.0.0.1:4010/{shop}")

    create(line)

    assert line.request.url.startswith("http://127.0.0.1:4010/acme.myshopify.com/admin/api/")


def test_time_is_kept_to_look_up_a_lost_answer() -> None:
    line = ShopifyLine(created())

    create(line)

    assert line.request.reserve == 3.0


def test_the_documented_answer_becomes_the_token() -> None:
    made = create(ShopifyLine(created()))

    assert (made.token_id, made.access_token) == ("1003304090", "58ce44faa12e743cfcfe77d34d5a39e8")
    assert (made.token_type, made.account_id) == ("storefront_access_token", "acme.myshopify.com")
    assert (made.scope, made.title) == (("unauthenticated_read_product_listings",), "Test")
    assert (made.issued_at, made.expires_at) == (1735835954, None)
    assert made.provider_data == {
        "admin_graphql_api_id": "gid://shopify/StorefrontAccessToken/1003304090",
        "created_at": "2025-01-02T11:39:14-05:00",
    }
    assert made.use.as_json() == {
        "in": "header",
        "name": "X-Shopify-Storefront-Access-Token",
        "url": "https://acme.myshopify.com/api/2026-10/graphql.json",
    }


def test_the_unversioned_answer_has_no_graphql_id_and_the_storefront_api_still_a_version() -> None:
    entry = {name: value for name, value in ENTRY.items() if name != "admin_graphql_api_id"}

    made = create(ShopifyLine(json_answer(200, {"storefront_access_token": entry}), secret=UNVERSIONED))

    assert made.provider_data == {"created_at": "2025-01-02T11:39:14-05:00"}
    assert made.use.url == "https://acme.myshopify.com/api/2026-10/graphql.json"


def test_the_storefront_api_is_addressed_by_the_version_that_the_secret_names() -> None:
    made = create(ShopifyLine(created(), secret={**PERMANENT, "apiVersion": "2026-07"}))

    assert made.use.url == "https://acme.myshopify.com/api/2026-07/graphql.json"


def test_201_is_as_good_as_the_documented_200() -> None:
    assert create(ShopifyLine(json_answer(201, {"storefront_access_token": ENTRY}))).token_id == "1003304090"


@pytest.mark.parametrize(
    ("scopes", "read"),
    [("a,b", ("a", "b")), ("a, b ,", ("a", "b")), ("", ()), (None, ())],
)
def test_scopes_are_split_at_commas(scopes: str | None, read: tuple[str, ...]) -> None:
    assert create(ShopifyLine(created(access_scope=scopes))).scope == read


@pytest.mark.parametrize("number", [1, "7", 10**19, str(10**19), 2**53 + 1])
def test_an_id_is_kept_as_a_string_whatever_its_size(number: int | str) -> None:
    assert create(ShopifyLine(created(id=number))).token_id == str(number)


@pytest.mark.parametrize(
    "created_at",
    [None, "", "yesterday", "2025-99-01", "9999-12-31T23:59:59-23:59", "1969-12-31T00:00:00Z", "0001-01-01T00:00:00"],
)
def test_a_token_without_a_readable_time_is_good_all_the_same(created_at: str | None) -> None:
    made = create(ShopifyLine(created(created_at=created_at)))

    assert (made.access_token, made.issued_at) == (ENTRY["access_token"], int(NOW))


@pytest.mark.parametrize(
    ("created_at", "issued_at"),
    [("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:01Z", 1), ("2025-01-02T16:39:14Z", 1735835954)],
)
def test_a_readable_time_that_has_passed_is_kept(created_at: str, issued_at: int) -> None:
    assert create(ShopifyLine(created(created_at=created_at))).issued_at == issued_at


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": True},
        {"id": 1.0},
        {"id": 0},
        {"id": -5},
        {"id": 10**20},
        {"id": 10**4000},
        {"id": "07"},
        {"id": "gid://shopify/StorefrontAccessToken/7"},
        {"id": "7/../8"},
        {"id": "1\u0662"},
        {"id": ["7"]},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "x" * 1024 * 1024},
        {"access_scope": ["a"]},
        {"access_scope": "a\nb"},
        {"created_at": 1735835954},
        {"admin_graphql_api_id": 7},
    ],
)
def test_a_token_that_lies_is_a_provider_error(changes: dict[str, Any]) -> None:
    refused = failure(created(**changes))

    assert isinstance(refused, ProviderError)
    assert refused.request_outcome is RequestOutcome.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "<html>Log in</html>", content_type="text/html"),
        answer(200),
        answer(201),
        json_answer(200, {}),
        json_answer(201, {"storefront_access_token": None}),
        json_answer(200, {"storefront_access_token": [ENTRY]}),
        json_answer(200, [ENTRY]),
        answer(204),
        json_answer(202, {"storefront_access_token": ENTRY}),
    ],
)
def test_a_success_without_a_token_is_a_provider_error_whose_fate_is_unknown(said: Step) -> None:
    refused = failure(said)

    assert isinstance(refused, ProviderError)
    assert refused.request_outcome is RequestOutcome.UNKNOWN


def test_a_version_that_fell_forward_is_noticed() -> None:
    said = json_answer(200, {"storefront_access_token": ENTRY}, x_shopify_api_version="2027-01")
    line = ShopifyLine(said)

    create(line)

    assert line.telemetry.notices == [("shopify_version_fallback", {"asked": "2026-10", "served": "2027-01"})]


@pytest.mark.parametrize(("secret", "served"), [(PERMANENT, "2026-10"), (UNVERSIONED, "2027-01")])
def test_a_version_as_asked_for_is_not_worth_a_notice(secret: dict[str, Any], served: str) -> None:
    said = json_answer(200, {"storefront_access_token": ENTRY}, x_shopify_api_version=served)
    line = ShopifyLine(said, secret=secret)

    create(line)

    assert line.telemetry.notices == []


def test_an_announced_removal_is_noticed_on_one_line() -> None:
    said = json_answer(
        200, {"storefront_access_token": ENTRY}, x_shopify_api_deprecated_reason="https://shopify.dev/x\r\nfoo"
    )
    line = ShopifyLine(said)

    create(line)

    assert line.telemetry.notices == [
        ("shopify_api_deprecated", {"asked": "2026-10", "reason": "https://shopify.dev/x foo"})
    ]


@pytest.mark.parametrize("header", ["x_shopify_api_version", "x_shopify_api_deprecated_reason"])
def test_a_header_that_repeats_the_admin_token_is_noticed_without_it(header: str) -> None:
    """Whatever its shape: only the account knows what its secrets look like."""
    said = json_answer(200, {"storefront_access_token": ENTRY}, **{header: "see hunter2"})
    line = ShopifyLine(said, secret={**PERMANENT, "adminAccessToken": "hunter2"})

    create(line)

    assert len(line.telemetry.notices) == 1
    assert "see [redacted]" in line.telemetry.notices[0][1].values()


def test_a_bought_admin_token_is_not_handed_out_as_a_storefront_token() -> None:
    bought = json_answer(200, {"access_token": "shpat_bought", "scope": "", "expires_in": 86399})

    with pytest.raises(ProviderError, match="one of the merchant's own secrets"):
        create(ShopifyLine(bought, created(access_token="shpat_bought"), secret=EXCHANGED))
