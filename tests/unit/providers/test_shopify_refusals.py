"""Shopify's refusals by HTTP: which error each becomes, and what of its words is passed on."""

from typing import Any

import pytest

from tests.fakes.shopify import ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
    ShopUnavailable,
    TokenLimitReached,
)
from token_broker.http.client import Interrupted
from token_broker.providers.shopify.refusals import (
    AddressNotAllowed,
    AppNotEligible,
    NonExpiringTokenRefused,
    ScopeNotApproved,
)

#: Words of the causes and cures that each refusal's detail names.
WORDS: dict[type[ProviderFailure], tuple[str, ...]] = {
    AddressNotAllowed: ("may not be on the app's IP allowlist", "docs/how-to/allow-addresses-at-shopify.md"),
    AppNotEligible: (
        "may have no unauthenticated scope",
        *(f"unauthenticated_read_{objects}_listings" for objects in ("product", "collection")),
        *(f"unauthenticated_write_{objects}" for objects in ("checkouts", "customers")),
        "may be an online token",
        "may be of a kind",
        "use the Headless channel",
    ),
    NonExpiringTokenRefused: ("/shopify/token-migrations",),
    ScopeNotApproved: ("approve the app's scopes again",),
    ShopUnavailable: ("unpaid, frozen or locked", "must reactivate it"),
}
LIMIT = "Api permission exceeds public access token limit of: "


def failure(*said: Step, operation: Any = ShopifyLine.create, admin_api: str = "rest") -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        operation(ShopifyLine(*said, admin_api=admin_api))
    assert all(words in raised.value.detail for words in WORDS.get(type(raised.value), ()))
    return raised.value


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (202, "words", ProviderError),
        (302, "words", ProviderError),
        (400, "Required parameter missing or invalid", ProviderError),
        (401, "[API] Invalid API key or access token", ProviderRejectedCredentials),
        (402, "This shop's plan does not have access to this feature", ShopUnavailable),
        (403, "App must be extendable to create a storefront access token.", AppNotEligible),
        (403, "App must have a channel record to create a storefront access token.", AppNotEligible),
        (403, "Token must be eligible to manage storefront tokens.", AppNotEligible),
        (403, "Token must be service access.", AppNotEligible),
        (403, "[API] Non-expiring access tokens are no longer accepted for the Admin API.", NonExpiringTokenRefused),
        (403, "[API] This action requires merchant approval for read_products scope.", ScopeNotApproved),
        (403, "Unavailable Shop", ShopUnavailable),
        (403, "Forbidden", AddressNotAllowed),
        (422, "title: can't be blank", ProviderError),
        (423, "This shop is unavailable", ShopUnavailable),
        (429, "Exceeded 2 calls per second for api client.", ProviderThrottled),
        (430, "Shopify Security Rejection", ProviderThrottled),
        (500, "Internal Server Error", ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("operation", [ShopifyLine.create, ShopifyLine.list_tokens, ShopifyLine.revoke])
@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
def test_every_refusal_has_its_error_in_each_operation(
    status: int, said: str, kind: type[ProviderFailure], operation: Any, admin_api: str
) -> None:
    refused = failure(*[json_answer(status, {"errors": said})] * 3, operation=operation, admin_api=admin_api)

    assert type(refused) is kind
    assert refused.problem("r")["provider"] == {"status": status, "message": said}


@pytest.mark.parametrize("errors", [[f"{LIMIT}100"], f"{LIMIT}250", {"base": [f"{LIMIT}100"]}])
def test_the_limit_is_told_from_a_bad_request_and_says_what_frees_a_quota_slot(errors: Any) -> None:
    refused = failure(json_answer(400, {"errors": errors}))

    assert isinstance(refused, TokenLimitReached)
    assert "revoke" in refused.detail
    assert "limit of: " in refused.problem("r")["provider"]["message"]


@pytest.mark.parametrize("operation", [ShopifyLine.list_tokens, ShopifyLine.revoke])
@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
def test_two_answers_mean_nothing_of_the_app_outside_a_create(operation: Any, admin_api: str) -> None:
    """They are the limit's text, and a 403 without a body."""
    full = failure(json_answer(400, {"errors": [f"{LIMIT}100"]}), operation=operation, admin_api=admin_api)

    assert type(full) is ProviderError
    assert type(failure(answer(403), operation=operation, admin_api=admin_api)) is AddressNotAllowed


@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
def test_an_app_that_is_not_eligible_is_told_so_without_a_body_as_the_older_document_shows_it(admin_api: str) -> None:
    refused = failure(answer(403), admin_api=admin_api)

    assert isinstance(refused, AppNotEligible)
    assert refused.problem("r")["provider"] == {"status": 403}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("[API] This action requires merchant approval for read_products scope.", "the scope read_products,"),
        ("This action requires merchant approval for shpat_1 scope.", "a scope,"),
        (f"This action requires merchant approval for {'a_' * 33} scope.", "a scope,"),
        ("This action requires merchant approval.", "a scope,"),
    ],
)
def test_a_scope_that_is_not_approved_is_named_if_it_is_one(said: str, named: str) -> None:
    assert f"The app needs {named} which" in failure(json_answer(403, {"errors": said})).detail


@pytest.mark.parametrize(("header", "seconds"), [({}, 60), ({"retry_after": "7"}, 7)])
def test_a_rejected_address_waits_a_minute_unless_told_otherwise(header: dict[str, str], seconds: int) -> None:
    refused = failure(answer(430, "Shopify Security Rejection", **header))

    assert refused.retry_after == seconds
    assert "egress address of your own" in refused.detail


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ("text", "text"),
        (["one", "two"], "one; two"),
        ({"title": ["is blank", "is odd"], "base": "no"}, "title: is blank; title: is odd; base: no"),
        ({"a": {"b": {"c": ["deep"]}}}, "c: deep"),
        ([[[["deep"]]]], "deep"),
        ([[[[["deeper"]]]]], None),
        ({"a": {"b": {"c": {"d": {"e": "deeper"}}}}}, None),
        ([7, None, True], None),
        ({}, None),
        (None, None),
        ("shpat_permanent is wrong", "[redacted] is wrong"),
    ],
)
def test_errors_are_read_as_string_array_and_object(errors: Any, message: str | None) -> None:
    refused = failure(json_answer(422, {"errors": errors}))

    assert refused.problem("r")["provider"].get("message") == message


@pytest.mark.parametrize("said", [answer(422, "<html>"), json_answer(422, []), json_answer(422, {"error": "x"})])
def test_a_refusal_without_errors_has_the_status_alone(said: Step) -> None:
    assert failure(said).problem("r")["provider"] == {"status": 422}


@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
@pytest.mark.parametrize("said", [Interrupted("It broke off."), answer(502)])
def test_a_create_whose_answer_is_lost_is_not_repeated(said: Step, admin_api: str) -> None:
    assert failure(said, admin_api=admin_api).request_outcome is RequestOutcome.UNKNOWN


def test_a_throttled_create_says_when_to_come_again_and_is_not_repeated() -> None:
    refused = failure(json_answer(429, {"errors": "Exceeded 2 calls per second"}, retry_after="2.0"))

    assert refused.retry_after_seconds == 2
