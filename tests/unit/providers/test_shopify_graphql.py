"""Shopify's GraphQL Admin API: the documents, and every answer that is not a refusal of HTTP.

The documented answers are in tests/contract.
"""

from copy import replace
from typing import Any

import pytest

from tests.fakes.shopify import ENTRY, NODE, PERMANENT, ShopifyLine, created, page, top_level, user_errors
from tests.fakes.transport import Step, answer, json_answer
from token_broker.clock import Deadline
from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    ProviderThrottled,
    RequestOutcome,
    TokenLimitReached,
)
from token_broker.http.client import Interrupted
from token_broker.providers.shopify.graphql import MAX_PAGES
from token_broker.providers.shopify.refusals import AppNotEligible

URL = "https://acme.myshopify.com/admin/api/2026-10/graphql.json"
CREATING, DELETING = "storefrontAccessTokenCreate", "storefrontAccessTokenDelete"
OTHER = {**NODE, "id": "gid://shopify/StorefrontAccessToken/755357713", "title": "Another"}
DELETED = json_answer(200, {"data": {DELETING: {"deletedStorefrontAccessTokenId": OTHER["id"], "userErrors": []}}})
LAST = {"hasNextPage": False}
UNKNOWN_ID = user_errors(DELETING, "Storefront access token does not exist")


def throttled(requested: Any = 11, available: Any = 0, rate: Any = 100) -> Step:
    status = {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": rate}
    cost = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
    return top_level("THROTTLED", "Throttled", cost=cost)


def listing(**connection: Any) -> Step:
    """Build a page without a word of the app."""
    return json_answer(200, {"data": {"shop": {"storefrontAccessTokens": connection}}})


def line(*said: Step, **more: Any) -> ShopifyLine:
    return ShopifyLine(*said, admin_api="graphql", **more)


def failure(at: ShopifyLine, operation: Any = ShopifyLine.create) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        operation(at)
    return raised.value


OPERATIONS = CREATE_IT, LIST_THEM, REVOKE_IT = ShopifyLine.create, ShopifyLine.list_tokens, ShopifyLine.revoke

# The requests


@pytest.mark.parametrize(
    ("operation", "said", "reserve"),
    [(CREATE_IT, created(), 3.0), (LIST_THEM, page(), 0.0), (REVOKE_IT, DELETED, 0.0)],
)
def test_time_is_kept_to_look_up_a_create_whose_answer_is_lost(operation: Any, said: Step, reserve: float) -> None:
    at = line(said)

    operation(at)

    assert (at.request.method, at.request.reserve) == ("POST", reserve)


@pytest.mark.parametrize(("named", "asked"), [("2026-07", "2026-07"), ("unversioned", "2026-10")])
def test_the_version_is_the_secrets_and_the_stacks_for_the_unversioned_address(named: str, asked: str) -> None:
    """Another one that is served is noticed."""
    said = replace(created(), headers={"x-shopify-api-version": "2027-01"})
    at = line(said, secret={**PERMANENT, "apiVersion": named})

    at.create()

    assert at.request.url == f"https://acme.myshopify.com/admin/api/{asked}/graphql.json"
    assert at.telemetry.notices == [("shopify_version_fallback", {"asked": asked, "served": "2027-01"})]


def test_a_refreshed_token_always_uses_graphql() -> None:
    at = ShopifyLine(page())
    refreshed = replace(at.account, credentials={**at.account.credentials, "accessToken": "shpat_permanent"})

    at.shopify.list_tokens(refreshed, at.deadline)

    assert at.request.url == URL


# The tokens


def test_a_token_is_the_same_over_both_transports() -> None:
    entry = {**ENTRY, "created_at": NODE["createdAt"]}

    over_rest = ShopifyLine(json_answer(200, {"storefront_access_token": entry})).create()

    assert line(created()).create() == over_rest
    assert [each.token for each in line(page(NODE)).list_tokens()] == [over_rest]


def test_every_scope_of_a_token_is_read() -> None:
    scopes = [{"handle": "unauthenticated_a"}, {"handle": "unauthenticated_b"}]

    assert line(created(accessScopes=scopes)).create().scope == ("unauthenticated_a", "unauthenticated_b")
    assert line(created(accessScopes=[])).create().scope == ()


LIES: dict[str, tuple[Any, ...]] = {
    "id": (None, 7, "gid://shopify/StorefrontAccessToken/x", "gid://shopify/StorefrontAccessToken/"),
    "accessToken": (None,),
    "accessScopes": (7, ["unauthenticated_a"], [{"handle": 7}]),
    "createdAt": (7,),
}


@pytest.mark.parametrize("changes", [{name: value} for name, values in LIES.items() for value in values])
def test_a_token_that_lacks_a_part_is_an_error_whose_outcome_is_unknown(changes: dict[str, Any]) -> None:
    failed = failure(line(created(**changes)))

    assert type(failed) is ProviderError
    assert failed.request_outcome is RequestOutcome.UNKNOWN


# The list


def test_a_list_has_the_tokens_of_all_its_pages() -> None:
    at = line(page(NODE, cursor="MTAw"), page(OTHER))

    assert [each.token.token_id for each in at.list_tokens()] == ["1003304090", "755357713"]
    assert [each["variables"] for each in at.asked] == [{"after": None}, {"after": "MTAw"}]


def test_a_list_without_an_end_is_given_up() -> None:
    at = line(*[page(NODE, cursor="MTAw")] * (MAX_PAGES + 1))

    assert type(failure(at, LIST_THEM)) is ProviderError
    assert len(at.transport.sent) == MAX_PAGES


@pytest.mark.parametrize(
    "said",
    [page(scopes=()), page(scopes=("read_products", "write_unauthenticated_x")), listing(nodes=[], pageInfo=LAST)],
)
def test_an_empty_list_proves_nothing_of_an_app_without_the_right(said: Step) -> None:
    """It is believed where the answer shows that the app may list. A list with tokens needs no proof."""
    failed = failure(line(said), LIST_THEM)

    assert type(failed) is AppNotEligible
    assert "empty list" in failed.detail
    assert "may not list" in failed.detail
    assert failed.problem("r")["provider"] == {"status": 200}
    assert line(page()).list_tokens() == []
    assert len(line(page(NODE, scopes=())).list_tokens()) == 1


@pytest.mark.parametrize(
    "said",
    [
        json_answer(200, {"data": {"shop": {"storefrontAccessTokens": None}}}),
        listing(nodes=None, pageInfo=LAST),
        listing(nodes=[None], pageInfo=LAST),
        listing(nodes=[NODE]),
        listing(nodes=[NODE], pageInfo={}),
        listing(nodes=[NODE], pageInfo={"hasNextPage": True, "endCursor": None}),
        top_level("TIMEOUT", "Timed out", {"shop": {"storefrontAccessTokens": {"nodes": [NODE], "pageInfo": LAST}}}),
    ],
)
def test_a_list_that_lacks_a_part_or_has_errors_is_not_taken_for_whole(said: Step) -> None:
    assert type(failure(line(said), LIST_THEM)) is ProviderError


# The end of a token


@pytest.mark.parametrize(
    "said", [(DELETED,), (UNKNOWN_ID, page(NODE)), (Interrupted("It broke off."), UNKNOWN_ID, page(NODE))]
)
def test_a_token_that_is_deleted_or_not_listed_has_ended(said: tuple[Step, ...]) -> None:
    """A delete whose answer is lost is repeated."""
    line(*said).revoke()


def test_an_unknown_id_that_is_listed_has_not_ended() -> None:
    failed = failure(line(UNKNOWN_ID, page(NODE, OTHER)), REVOKE_IT)

    assert type(failed) is ProviderError
    assert failed.problem("r")["provider"]["message"] == "Storefront access token does not exist"


def test_an_unknown_id_has_not_ended_where_the_list_proves_nothing() -> None:
    assert type(failure(line(UNKNOWN_ID, page(scopes=())), REVOKE_IT)) is AppNotEligible


# Refusals with the status 200


def test_the_limit_is_told_from_another_rejection_and_says_what_frees_a_quota_slot() -> None:
    said = "Api permission exceeds public access token limit of: 100"

    failed = failure(line(user_errors(CREATING, said)))

    assert type(failed) is TokenLimitReached
    assert "revoke" in failed.detail
    assert failed.problem("r")["provider"]["message"] == said


def test_another_rejection_of_a_create_has_shopifys_words_and_created_nothing() -> None:
    failed = failure(line(user_errors(CREATING, "Title can't be blank", "shpat_permanent is odd")))

    assert type(failed) is ProviderError
    assert failed.request_outcome is RequestOutcome.NOT_APPLIED
    assert failed.problem("r")["provider"] == {"status": 200, "message": "Title can't be blank; [redacted] is odd"}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_denied_access_is_an_app_that_is_not_eligible(operation: Any) -> None:
    failed = failure(line(top_level("ACCESS_DENIED", "Access denied.", {CREATING: None})), operation)

    assert type(failed) is AppNotEligible
    assert "may be an online token" in failed.detail
    assert failed.request_outcome is RequestOutcome.NOT_APPLIED
    assert failed.problem("r")["provider"] == {"status": 200, "code": "ACCESS_DENIED", "message": "Access denied."}


@pytest.mark.parametrize(
    ("requested", "available", "rate", "seconds"),
    [
        (11, 0, 100, 1),
        (411, 20, 100, 4),
        (10.0, 2.5, 5.0, 2),
        (10**9, 0, 1e-9, 86_400),
        (0, 10**9, 5e-324, 1),
        (11, 0, 0, 1),
        (11, None, 5, 3),
        ("11", 0, 100, 1),
        (10**9 + 1, 0, 1, 1),
        (float("nan"), 0, 100, 1),
    ],
)
def test_a_throttled_create_says_when_the_points_suffice(
    requested: Any, available: Any, rate: Any, seconds: float
) -> None:
    at = line(throttled(requested, available, rate))

    failed = failure(at)

    assert type(failed) is ProviderThrottled
    assert (failed.retry_after, failed.request_outcome) == (seconds, RequestOutcome.NOT_APPLIED)
    assert failed.problem("r")["provider"] == {"status": 200, "code": "THROTTLED", "message": "Throttled"}
    assert at.clock.sleeps == []


@pytest.mark.parametrize(
    "extensions", [{}, {"cost": None}, {"cost": {"requestedQueryCost": 1}}, {"cost": {"throttleStatus": 7}}]
)
def test_a_throttle_without_its_cost_asks_for_a_second(extensions: dict[str, Any]) -> None:
    assert failure(line(top_level("THROTTLED", "Throttled", **extensions))).retry_after == 1


def test_a_throttled_list_is_requested_again_at_most_twice() -> None:
    at = line(throttled(411, 10), throttled(), page(NODE))

    assert len(at.list_tokens()) == 1
    assert at.clock.sleeps == [5, 1]
    assert type(failure(line(*[throttled()] * 3), LIST_THEM)) is ProviderThrottled


def test_a_list_is_not_waited_for_beyond_the_deadline() -> None:
    """A quarter of a second must be left for one more try."""
    at = line(throttled(1500))
    until = Deadline.after(at.clock, 15.25)

    assert failure(at, lambda _: at.shopify.list_tokens(at.account, until)).retry_after == 15
    assert at.clock.sleeps == []


@pytest.mark.parametrize(
    "said",
    [
        top_level("INTERNAL_SERVER_ERROR", "Internal error. Looks like something went wrong."),
        json_answer(200, {"errors": [None, {"message": 7, "extensions": {"code": 7}}], "data": None}),
        json_answer(200, {"errors": "words"}),
        json_answer(200, {"data": {CREATING: None, DELETING: None}}),
        json_answer(200, {"data": {name: {"userErrors": []} for name in (CREATING, DELETING)}}),
        json_answer(200, {"data": {name: {"userErrors": None} for name in (CREATING, DELETING)}}),
        json_answer(200, {"data": []}),
        json_answer(200, []),
        answer(200, "<html>Log in</html>"),
        json_answer(201, {"data": {}}),
    ],
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_other_answer_is_an_error_whose_outcome_is_unknown(operation: Any, said: Step) -> None:
    failed = failure(line(said), operation)

    assert type(failed) is ProviderError
    assert failed.request_outcome is RequestOutcome.UNKNOWN


def test_a_token_that_was_created_counts_whatever_error_stands_beside_it() -> None:
    made = {CREATING: {"storefrontAccessToken": NODE, "userErrors": []}}

    assert line(top_level("ACCESS_DENIED", "Access denied for shop field.", made)).create().token_id == "1003304090"


def test_an_error_that_repeats_the_admin_token_is_cleared_of_it() -> None:
    """Whatever its shape: only the account knows what its secrets look like."""
    said = top_level("hunter2", "hunter2 is wrong")

    failed = failure(line(said, secret={**PERMANENT, "adminAccessToken": "hunter2"}))

    assert failed.problem("r")["provider"] == {"status": 200, "code": "[redacted]", "message": "[redacted] is wrong"}


def test_an_error_without_words_has_the_status_alone_and_one_in_another_form_is_not_usable() -> None:
    assert failure(line(json_answer(200, {"errors": [{}]}))).problem("r")["provider"] == {"status": 200}
    assert "not usable" in failure(line(json_answer(200, {"errors": "words"}))).detail
