"""Shopify's list and delete over REST: every answer that is not a refusal of HTTP."""

from typing import Any

import pytest

from tests.fakes.shopify import ENTRY, OTHER, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.errors import InvalidRequest, ProviderError
from token_broker.http.client import Interrupted

NOT_FOUND = json_answer(404, {"errors": "Not Found"})


def listed(*entries: Any) -> Step:
    return json_answer(200, {"storefront_access_tokens": list(entries)})


def test_the_list_has_every_token_with_its_whole_title() -> None:
    line = ShopifyLine(listed(ENTRY, OTHER))

    tokens = line.list_tokens()

    assert (line.request.method, line.request.reserve) == ("GET", 0)
    assert [(each.token.token_id, each.title) for each in tokens] == [
        ("1003304090", "Test"),
        ("755357713", "API Client Extension"),
    ]


@pytest.mark.parametrize(
    ("title", "read"),
    [(None, ""), (7, ""), ("a\nb\x00", "a\nb\x00"), ("x" * 5000, "x" * 1024), ("a\ud800b", "a?b")],
)
def test_a_foreign_title_of_any_kind_does_not_fail_the_list(title: Any, read: str) -> None:
    """Half of a surrogate pair could not be sent."""
    (token,) = ShopifyLine(listed({**ENTRY, "title": title})).list_tokens()

    assert token.title == read


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "<html>Log in</html>"),
        json_answer(200, {"storefront_access_tokens": {}}),
        json_answer(200, [ENTRY]),
        listed(ENTRY, "text"),
        listed({**ENTRY, "id": None}),
        json_answer(201, {"storefront_access_tokens": []}),
    ],
)
def test_a_list_that_is_none_is_a_provider_error(said: Step) -> None:
    with pytest.raises(ProviderError):
        ShopifyLine(said).list_tokens()


def test_the_list_is_requested_again_after_a_throttle() -> None:
    line = ShopifyLine(answer(429, retry_after="2.0"), listed(ENTRY))

    assert len(line.list_tokens()) == 1
    assert line.clock.sleeps == [2.0]


@pytest.mark.parametrize(
    "said",
    [
        (answer(200),),
        (answer(200, "{}"),),
        (answer(200, "OK"),),
        (answer(204),),
        (NOT_FOUND, listed(ENTRY)),
        (Interrupted("It broke off."), NOT_FOUND, listed()),
    ],
)
def test_a_delete_has_many_ways_to_say_yes(said: tuple[Step, ...]) -> None:
    """One is a 404, also of a repeated delete, for a token that is not listed."""
    line = ShopifyLine(*said)

    line.revoke()

    assert line.transport.requests[0].method == "DELETE"


@pytest.mark.parametrize("then", [listed(ENTRY, OTHER), NOT_FOUND])
def test_a_404_of_a_token_that_may_be_listed_is_no_yes(then: Step) -> None:
    """A version that never existed answers so to every request."""
    with pytest.raises(ProviderError):
        ShopifyLine(NOT_FOUND, then).revoke()


@pytest.mark.parametrize("number", ["1", "1003304090", "9" * 20])
def test_a_token_id_is_a_string_of_digits(number: str) -> None:
    ShopifyLine().shopify.check_token_id(number)


@pytest.mark.parametrize(
    "number",
    ["", "0", "01", "-1", "+1", "1.0", "1e3", "abc", "9" * 21, "1 ", "1\n", "1/2", "1%2F2", "1\u0662", "1\uff12"],
)
def test_an_id_that_is_no_number_or_too_long_is_refused(number: str) -> None:
    """It becomes part of a URL."""
    with pytest.raises(InvalidRequest, match="a string of 1 to 20 digits that does not start with 0"):
        ShopifyLine().shopify.check_token_id(number)
