"""Shopify's create over REST: every success. The documented ones are in tests/contract."""

from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.shopify import ENTRY, EXCHANGED, PERMANENT, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.token import ProviderToken
from token_broker.errors import ProviderError, ProviderFailure, RequestOutcome

UNVERSIONED = {**PERMANENT, "apiVersion": "unversioned"}


def created(status: int = 200, headers: dict[str, str] | None = None, **changes: Any) -> Step:
    return json_answer(status, {"storefront_access_token": {**ENTRY, **changes}}, **(headers or {}))


def create(said: Step) -> ProviderToken:
    return ShopifyLine(said).create()


def failure(said: Step) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        create(said)
    return raised.value


def test_another_base_address_may_name_the_shop_in_its_path() -> None:
    line = ShopifyLine(created(), base_url="http://127.0.0.1:4010/{shop}")

    line.create()

    assert line.request.url.startswith("http://127.0.0.1:4010/acme.myshopify.com/admin/api/2026-10/")
    assert line.request.reserve == 3.0, "to look up a lost answer"
    assert (line.request.method, [*line.request.headers]) == ("POST", ["X-Shopify-Access-Token", "Content-Type"])


def test_the_documented_answer_becomes_the_token() -> None:
    made = create(created())

    assert (made.token_id, made.access_token) == ("1003304090", "58ce44faa12e743cfcfe77d34d5a39e8")
    assert (made.token_type, made.account_id) == ("storefront_access_token", "acme.myshopify.com")
    assert (made.scope, made.title) == (("unauthenticated_read_product_listings",), "Test")
    assert (made.issued_at, made.expires_at) == (1735835954, None)
    assert made.provider_data == {
        "admin_graphql_api_id": "gid://shopify/StorefrontAccessToken/1003304090",
        "created_at": "2025-01-02T11:39:14-05:00",
    }
    assert (made.use.location, made.use.name) == ("header", "X-Shopify-Storefront-Access-Token")
    assert create(created(201)) == made, "201 is as good as the documented 200"
    assert create(created(admin_graphql_api_id=None)).provider_data == {"created_at": "2025-01-02T11:39:14-05:00"}


@pytest.mark.parametrize(
    ("version", "used"), [("2026-10", "2026-10"), ("2026-07", "2026-07"), ("unversioned", "2026-10")]
)
def test_the_storefront_api_always_has_a_version(version: str, used: str) -> None:
    made = ShopifyLine(created(), secret={**PERMANENT, "apiVersion": version}).create()

    assert made.use.url == f"https://acme.myshopify.com/api/{used}/graphql.json"


@pytest.mark.parametrize(("scopes", "read"), [("a,b", ("a", "b")), ("a, b ,", ("a", "b")), ("", ()), (None, ())])
def test_scopes_are_split_at_commas(scopes: str | None, read: tuple[str, ...]) -> None:
    assert create(created(access_scope=scopes)).scope == read


@pytest.mark.parametrize("number", [1, "7", 10**19, str(10**19), 2**53 + 1])
def test_an_id_is_kept_as_a_string_whatever_its_size(number: int | str) -> None:
    assert create(created(id=number)).token_id == str(number)


@pytest.mark.parametrize(
    ("created_at", "issued_at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01Z", 1),
        ("2025-01-02T16:39:14Z", 1735835954),
        *((unreadable, int(NOW)) for unreadable in (None, "", "yesterday", "2025-99-01", "9999-12-31T23:59:59-23:59")),
        *((before, int(NOW)) for before in ("1969-12-31T00:00:00Z", "0001-01-01T00:00:00")),
    ],
)
def test_a_readable_time_that_has_passed_is_kept(created_at: str | None, issued_at: int) -> None:
    """A token without one is good all the same."""
    made = create(created(created_at=created_at))

    assert (made.access_token, made.issued_at) == (ENTRY["access_token"], issued_at)


LIES: dict[str, tuple[Any, ...]] = {
    "id": (None, True, 1.0, 0, -5, 10**20, 10**4000, "07", "7/../8", "1\u0662", ["7"]),
    "access_token": (None, "a b"),
    "access_scope": (["a"],),
    "created_at": (1735835954,),
    "admin_graphql_api_id": (7,),
}


@pytest.mark.parametrize(
    "said",
    [
        *(created(**{name: value}) for name, values in LIES.items() for value in values),
        answer(200, "<html>Log in</html>", content_type="text/html"),
        answer(201),
        json_answer(200, [ENTRY]),
        answer(204),
        created(202),
    ],
)
def test_a_success_without_an_honest_token_is_an_error_whose_outcome_is_unknown(said: Step) -> None:
    refused = failure(said)

    assert isinstance(refused, ProviderError)
    assert refused.request_outcome is RequestOutcome.UNKNOWN


SERVED, REASON = "x_shopify_api_version", "x_shopify_api_deprecated_reason"
FALLBACK, DEPRECATED = "shopify_version_fallback", "shopify_api_deprecated"


@pytest.mark.parametrize(
    ("headers", "notices"),
    [
        ({SERVED: "2026-10"}, []),
        ({SERVED: "2027-01"}, [(FALLBACK, {"asked": "2026-10", "served": "2027-01"})]),
        ({REASON: "/x\r\nfoo"}, [(DEPRECATED, {"asked": "2026-10", "reason": "/x foo"})]),
        ({SERVED: "see hunter2"}, [(FALLBACK, {"asked": "2026-10", "served": "see [redacted]"})]),
        ({REASON: "see hunter2"}, [(DEPRECATED, {"asked": "2026-10", "reason": "see [redacted]"})]),
    ],
)
def test_another_version_and_an_announced_removal_are_noticed(headers: dict[str, str], notices: list[Any]) -> None:
    """On one line, without the admin token: only the account knows what its secrets look like."""
    line = ShopifyLine(created(headers=headers), secret={**PERMANENT, "adminAccessToken": "hunter2"})

    line.create()

    assert line.telemetry.notices == notices


def test_who_asks_without_a_version_gets_any() -> None:
    line = ShopifyLine(created(headers={SERVED: "2027-01"}), secret=UNVERSIONED)

    line.create()

    assert line.telemetry.notices == []


def test_a_bought_admin_token_is_not_handed_out_as_a_storefront_token() -> None:
    bought = json_answer(200, {"access_token": "shpat_bought", "scope": "", "expires_in": 86399})

    with pytest.raises(ProviderError, match="one of the merchant's own secrets"):
        ShopifyLine(bought, created(access_token="shpat_bought"), secret=EXCHANGED).create()
