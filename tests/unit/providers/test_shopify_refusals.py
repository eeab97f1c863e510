"""Shopify's refusals of a create: which error each becomes, and what of its words is passed on."""

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

#: Words of the cure that each refusal's detail names.
CURES: dict[type[ProviderFailure], str] = {
    AddressNotAllowed: "docs/shopify-ip-allowlist.md",
    AppNotEligible: "use the Headless channel",
    NonExpiringTokenRefused: "/shopify/token-migrations",
    ScopeNotApproved: "approve the app's scopes again",
    ShopUnavailable: "must reactivate it",
}


def failure(said: Step, *, admin_api: str = "rest") -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        ShopifyLine(said, admin_api=admin_api).create()
    return raised.value


@pytest.mark.parametrize(
    ("status", "errors", "kind"),
    [
        (400, {"storefront_access_token": "Required parameter missing or invalid"}, ProviderError),
        (
            401,
            "[API] Invalid API key or access token (unrecognized login or wrong password)",
            ProviderRejectedCredentials,
        ),
        (402, "This shop's plan does not have access to this feature", ShopUnavailable),
        (403, "App must be extendable to create a storefront access token.", AppNotEligible),
        (403, "App must have a channel record to create a storefront access token.", AppNotEligible),
        (403, "Token must be eligible to manage storefront tokens.", AppNotEligible),
        (403, "Token must be service access.", AppNotEligible),
        (
            403,
            "[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring ones.",
            NonExpiringTokenRefused,
        ),
        (403, "[API] This action requires merchant approval for read_products scope.", ScopeNotApproved),
        (403, "Unavailable Shop", ShopUnavailable),
        (403, "Forbidden", AddressNotAllowed),
        (404, "Not Found", ProviderError),
        (422, {"title": ["can't be blank"]}, ProviderError),
        (423, "This shop is unavailable", ShopUnavailable),
        (429, "Exceeded 2 calls per second for api client.", ProviderThrottled),
        (430, "Shopify Security Rejection", ProviderThrottled),
        (500, "Internal Server Error", ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
def test_every_documented_refusal_has_its_error(
    status: int, errors: Any, kind: type[ProviderFailure], admin_api: str
) -> None:
    refused = failure(json_answer(status, {"errors": errors}), admin_api=admin_api)

    assert type(refused) is kind
    assert CURES.get(kind, "") in refused.detail
    assert refused.problem("r")["provider"]["status"] == status
    assert refused.problem("r")["provider"]["message"]


@pytest.mark.parametrize(
    "errors",
    [
        ["Api permission exceeds public access token limit of: 100"],
        "Api permission exceeds public access token limit of: 250",
        {"base": ["Api permission exceeds public access token limit of: 100"]},
    ],
)
def test_the_limit_is_told_from_a_bad_request_and_says_what_frees_a_place(errors: Any) -> None:
    refused = failure(json_answer(400, {"errors": errors}))

    assert isinstance(refused, TokenLimitReached)
    assert "revoke" in refused.detail
    assert "limit of: " in refused.problem("r")["provider"]["message"]


@pytest.mark.parametrize("status", [402, 423])
def test_a_shop_that_is_not_available_is_said_to_be_so(status: int) -> None:
    assert "unpaid, frozen or locked" in failure(json_answer(status, {"errors": "words"})).detail


@pytest.mark.parametrize("admin_api", ["rest", "graphql"])
def test_an_app_that_is_not_eligible_is_told_the_three_causes(admin_api: str) -> None:
    """Also where the 403 has no body at all, as the older document shows it."""
    refused = failure(answer(403), admin_api=admin_api)

    assert isinstance(refused, AppNotEligible)
    assert all(
        f"unauthenticated_{scope}" in refused.detail
        for scope in ("read_product_listings", "read_collection_listings", "write_checkouts", "write_customers")
    )
    for cause in ("may have no unauthenticated scope", "may be an online token", "may be of a kind"):
        assert cause in refused.detail
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


def test_a_403_of_unknown_words_may_be_of_the_allowlist() -> None:
    assert "may not be on the app's IP allowlist" in failure(json_answer(403, {"errors": "words"})).detail


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
        ([["nested"]], "nested"),
        ([[[["deep"]]]], "deep"),
        ([[[[["deeper"]]]]], None),
        ({"a": {"b": {"c": {"d": {"e": "deeper"}}}}}, None),
        ([7, None, True], None),
        ({}, None),
        ([], None),
        (None, None),
        (7, None),
    ],
)
def test_errors_are_read_as_string_array_and_object(errors: Any, message: str | None) -> None:
    refused = failure(json_answer(422, {"errors": errors}))

    assert refused.problem("r")["provider"].get("message") == message


@pytest.mark.parametrize(
    "said", [answer(422), answer(422, "<html>"), json_answer(422, []), json_answer(422, {"error": "x"})]
)
def test_a_refusal_without_errors_has_the_status_alone(said: Step) -> None:
    assert failure(said).problem("r")["provider"] == {"status": 422}


def test_a_throttled_create_says_when_to_come_again_and_is_not_repeated() -> None:
    line = ShopifyLine(json_answer(429, {"errors": "Exceeded 2 calls per second"}, retry_after="2.0"))

    with pytest.raises(ProviderThrottled) as raised:
        line.create()

    assert raised.value.retry_after_seconds == 2
    assert len(line.transport.sent) == 1


@pytest.mark.parametrize("said", [Interrupted("It broke off."), answer(502), answer(500)])
def test_a_create_whose_answer_is_lost_is_not_repeated(said: Step) -> None:
    assert failure(said).request_outcome is RequestOutcome.UNKNOWN


def test_a_refusal_that_repeats_the_admin_token_is_cleared_of_it() -> None:
    refused = failure(json_answer(401, {"errors": "shpat_permanent is wrong"}))

    assert refused.problem("r")["provider"]["message"] == "[redacted] is wrong"
