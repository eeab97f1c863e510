"""Shopify's list and delete: the requests, and every answer."""

from typing import Any

import pytest

from tests.fakes.shopify import ENTRY, PERMANENT, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.errors import (
    InvalidRequest,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    ShopUnavailable,
)
from token_broker.http.client import Interrupted
from token_broker.ports.provider import ListedToken
from token_broker.providers.shopify.refusals import AddressNotAllowed, AppNotEligible

UNVERSIONED = {**PERMANENT, "apiVersion": "unversioned"}
OTHER = {**ENTRY, "id": 755357713, "access_token": "378d95641257a4ab3feff967ee234f4d", "title": "API Client Extension"}


NOT_FOUND = json_answer(404, {"errors": "Not Found"})


def listed(*entries: Any) -> Step:
    return json_answer(200, {"storefront_access_tokens": list(entries)})


def list_tokens(line: ShopifyLine) -> list[ListedToken]:
    return line.shopify.list_tokens(line.account, line.deadline)


def revoke(line: ShopifyLine) -> None:
    line.shopify.revoke(line.account, "755357713", line.deadline)


@pytest.mark.parametrize(
    ("secret", "path"),
    [
        (PERMANENT, "/admin/api/2026-10/storefront_access_tokens.json"),
        (UNVERSIONED, "/admin/storefront_access_tokens.json"),
    ],
)
def test_the_list_is_a_get(secret: dict[str, Any], path: str) -> None:
    line = ShopifyLine(listed(), secret=secret)

    list_tokens(line)

    assert (line.request.method, line.request.url) == ("GET", f"https://acme.myshopify.com{path}")
    assert line.request.headers == {"X-Shopify-Access-Token": "shpat_permanent"}
    assert (line.request.body, line.request.reserve) == (None, 0)


def test_the_list_has_every_token_with_its_whole_title() -> None:
    tokens = list_tokens(ShopifyLine(listed(ENTRY, OTHER)))

    assert [(each.token.token_id, each.title) for each in tokens] == [
        ("1003304090", "Test"),
        ("755357713", "API Client Extension"),
    ]


@pytest.mark.parametrize(("title", "read"), [(None, ""), (7, ""), ("a\nb\x00", "a\nb\x00"), ("x" * 5000, "x" * 1024)])
def test_a_foreign_title_of_any_kind_does_not_spoil_the_list(title: Any, read: str) -> None:
    (token,) = list_tokens(ShopifyLine(listed({**ENTRY, "title": title})))

    assert token.title == read


def test_a_title_with_half_a_surrogate_pair_can_still_be_answered() -> None:
    (token,) = list_tokens(ShopifyLine(listed({**ENTRY, "title": "a\ud800b"})))

    assert token.title.encode()


@pytest.mark.parametrize(
    "said",
    [
        answer(200),
        answer(200, "<html>Log in</html>"),
        json_answer(200, {}),
        json_answer(200, {"storefront_access_tokens": None}),
        json_answer(200, {"storefront_access_tokens": {}}),
        json_answer(200, [ENTRY]),
        listed(ENTRY, "text"),
        listed(None),
        listed({**ENTRY, "id": None}),
        listed({**ENTRY, "access_token": "a b"}),
        json_answer(201, {"storefront_access_tokens": []}),
    ],
)
def test_a_list_that_is_none_is_a_provider_error(said: Step) -> None:
    with pytest.raises(ProviderError):
        list_tokens(ShopifyLine(said))


def test_the_list_is_asked_for_again_after_a_throttle() -> None:
    line = ShopifyLine(answer(429, retry_after="2.0"), listed(ENTRY))

    assert len(list_tokens(line)) == 1
    assert line.clock.sleeps == [2.0]


@pytest.mark.parametrize(
    ("secret", "path"),
    [
        (PERMANENT, "/admin/api/2026-10/storefront_access_tokens/755357713.json"),
        (UNVERSIONED, "/admin/storefront_access_tokens/755357713.json"),
    ],
)
def test_the_revocation_is_a_delete_of_the_id(secret: dict[str, Any], path: str) -> None:
    line = ShopifyLine(answer(200), secret=secret)

    revoke(line)

    assert (line.request.method, line.request.url) == ("DELETE", f"https://acme.myshopify.com{path}")
    assert line.request.headers == {"X-Shopify-Access-Token": "shpat_permanent"}
    assert line.request.reserve == 0


@pytest.mark.parametrize(
    "said",
    [
        answer(200),
        answer(200, "{}"),
        answer(200, " "),
        answer(200, "OK"),
        answer(204),
    ],
)
def test_a_delete_has_many_ways_to_say_yes(said: Step) -> None:
    revoke(ShopifyLine(said))


def test_a_404_of_a_token_that_is_not_listed_says_that_it_has_ended() -> None:
    revoke(ShopifyLine(NOT_FOUND, listed(ENTRY)))


def test_a_404_of_a_token_that_is_listed_says_nothing_of_the_kind() -> None:
    with pytest.raises(ProviderError):
        revoke(ShopifyLine(NOT_FOUND, listed(ENTRY, OTHER)))


def test_a_404_of_the_whole_address_says_nothing_of_the_kind() -> None:
    """A version that never existed answers so."""
    with pytest.raises(ProviderError):
        revoke(ShopifyLine(NOT_FOUND, NOT_FOUND))


def test_a_delete_is_repeated_and_404_then_says_that_the_first_one_worked() -> None:
    revoke(ShopifyLine(Interrupted("It broke off."), NOT_FOUND, listed()))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (202, ProviderError),
        (302, ProviderError),
        (400, ProviderError),
        (401, ProviderRejectedCredentials),
        (402, ShopUnavailable),
        (403, AddressNotAllowed),
        (422, ProviderError),
        (423, ShopUnavailable),
        (429, ProviderThrottled),
        (503, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("operation", [list_tokens, revoke])
@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
def test_every_refusal_has_its_error(operation: Any, status: int, kind: type[ProviderFailure], admin_api: str) -> None:
    said = [json_answer(status, {"errors": "words"}, retry_after="0")] * 3

    with pytest.raises(kind) as raised:
        operation(ShopifyLine(*said, admin_api=admin_api))

    assert type(raised.value) is kind
    assert raised.value.problem("r")["provider"] == {"status": status, "message": "words"}


@pytest.mark.parametrize("operation", [list_tokens, revoke])
def test_an_app_that_is_not_eligible_is_told_so_by_each_operation(operation: Any) -> None:
    said = json_answer(403, {"errors": "Token must be eligible to manage storefront tokens."})

    with pytest.raises(AppNotEligible):
        operation(ShopifyLine(said))


@pytest.mark.parametrize("operation", [list_tokens, revoke])
def test_a_403_without_a_body_means_nothing_of_the_app_outside_a_create(operation: Any) -> None:
    with pytest.raises(AddressNotAllowed):
        operation(ShopifyLine(answer(403)))


def test_the_limits_text_means_nothing_outside_a_create() -> None:
    said = json_answer(400, {"errors": ["Api permission exceeds public access token limit of: 100"]})

    with pytest.raises(ProviderError):
        list_tokens(ShopifyLine(said))


@pytest.mark.parametrize("number", ["1", "1003304090", "9" * 20])
def test_a_token_id_is_a_string_of_digits(number: str) -> None:
    ShopifyLine().shopify.check_token_id(number)


@pytest.mark.parametrize(
    "number",
    ["", "0", "01", "-1", "+1", "1.0", "1e3", "abc", "9" * 21, "1 ", "1\n", "1/2", "1%2F2", "1\u0662", "1\uff12"],
)
def test_an_id_that_is_no_number_or_too_long_is_refused(number: str) -> None:
    """It becomes part of a URL."""
    with pytest.raises(InvalidRequest) as refused:
        ShopifyLine().shopify.check_token_id(number)

    assert refused.value.detail == (
        "'tokenId' must be a token's id, a string of 1 to 20 digits that does not start with 0."
    )
