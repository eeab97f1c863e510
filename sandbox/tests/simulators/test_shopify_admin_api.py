"""Shopify's Admin API beyond its exchanges: GraphQL has REST's tokens and refusals, pages, and a budget of points."""

from typing import Any

import pytest

from sandbox.tests.simulators.shopify_account import ShopifyAccount
from tests.contract.exchanges.playing import Reply

CREATE = """mutation($input: StorefrontAccessTokenInput!) { storefrontAccessTokenCreate(input: $input) {
    storefrontAccessToken { id accessToken } userErrors { field message } } }"""
DELETE = """mutation($input: StorefrontAccessTokenDeleteInput!) { storefrontAccessTokenDelete(input: $input) {
    deletedStorefrontAccessTokenId userErrors { field message } } }"""
LIST = """query($first: Int, $after: String) { shop { storefrontAccessTokens(first: $first, after: $after) {
    nodes { id } pageInfo { hasNextPage endCursor } } } }"""
TEST = {"title": "Test"}
PATHS = ("/admin/storefront_access_tokens.json", "/admin/api/2026-10/graphql.json")


def create(shopify: ShopifyAccount, title: str = "Test") -> Any:
    return shopify.graphql(CREATE, input={"title": title}).json()["data"]["storefrontAccessTokenCreate"]


def page(shopify: ShopifyAccount, after: str | None = None) -> Any:
    return shopify.graphql(LIST, first=2, after=after).json()["data"]["shop"]["storefrontAccessTokens"]


def test_a_created_token_is_that_of_rest_and_is_deleted_by_its_id(shopify: ShopifyAccount) -> None:
    made = create(shopify)["storefrontAccessToken"]
    [listed] = shopify.listing().json()["storefront_access_tokens"]

    assert (made["id"], made["accessToken"]) == (listed["admin_graphql_api_id"], listed["access_token"])
    shopify.graphql(DELETE, input={"id": made["id"]})
    assert shopify.listing().json()["storefront_access_tokens"] == []


def test_pages_hold_each_token_once_even_if_the_last_one_shown_is_deleted(shopify: ShopifyAccount) -> None:
    planted = [token["admin_graphql_api_id"] for token in shopify.control.plant_tokens("demo", count=6)]
    first = page(shopify)
    shopify.graphql(DELETE, input={"id": planted[1]})
    second = page(shopify, first["pageInfo"]["endCursor"])
    third = page(shopify, second["pageInfo"]["endCursor"])

    assert [node["id"] for each in (first, second, third) for node in each["nodes"]] == planted
    assert [each["pageInfo"]["hasNextPage"] for each in (first, second, third)] == [True, True, False]


def test_a_blank_title_is_a_user_error(shopify: ShopifyAccount) -> None:
    error = {"field": ["input", "title"], "message": "Title can't be blank"}

    assert create(shopify, " ") == {"storefrontAccessToken": None, "userErrors": [error]}


def test_points_are_used_up_and_restored(shopify: ShopifyAccount) -> None:
    shopify.put(graphqlBucket=20, graphqlRestore=0.01)
    answers = [shopify.graphql(CREATE, input=TEST).json() for _ in range(3)]

    states = [each["extensions"]["cost"]["throttleStatus"] for each in answers]
    assert [each["currentlyAvailable"] for each in states] == [10, 0, 0]
    assert answers[-1]["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert (answers[-1]["extensions"]["cost"]["requestedQueryCost"], states[-1]["restoreRate"]) == (10, 0.01)
    shopify.control.advance(1000)
    assert create(shopify)["userErrors"] == []
    assert shopify.state()["mints"] == 3


def test_an_invalid_document_changes_nothing(shopify: ShopifyAccount) -> None:
    documents = (CREATE.replace("field message", "code"), "{", "{" * 20_000, "")

    assert [shopify.graphql(query, input=TEST).json().keys() for query in documents] == [{"errors"}] * 4
    assert shopify.state()["tokens"] == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"query":1}', b'{"query":"{shop{id}}","variables":[]}'])
def test_a_body_without_a_query_is_refused(shopify: ShopifyAccount, body: bytes) -> None:
    assert shopify.call("POST", "/admin/api/2026-10/graphql.json", body).status == 400


def test_graphql_has_versions_but_no_unversioned_address(shopify: ShopifyAccount) -> None:
    replies = [shopify.graphql("{shop{id}}", version) for version in ("/api/2019-04", "/api/2019-05", "")]

    assert [reply.status for reply in replies] == [200, 404, 404]
    assert replies[0].headers["x-shopify-api-version"] == "2026-01"


def post(shopify: ShopifyAccount, path: str) -> Reply:
    return shopify.call("POST", path, {"query": "{shop{id}}", "storefront_access_token": {"title": "Test"}})


@pytest.mark.parametrize("path", PATHS)
def test_an_address_outside_the_allowlist_is_refused_but_not_by_the_token_endpoint(
    shopify: ShopifyAccount, path: str
) -> None:
    shopify.put(ipAllowlist=["192.0.2.1"])
    refused = post(shopify, path)
    granted = shopify.grant()
    shopify.put(ipAllowlist=[], ipRefusalBody={"errors": "Not allowed"})
    configured = post(shopify, path)
    shopify.put(ipAllowlist=["192.0.2.1", "127.0.0.1"])

    assert (refused.status, refused.json()) == (403, {"errors": "Forbidden"})
    assert (configured.status, configured.json()) == (403, {"errors": "Not allowed"})
    assert (granted.status, post(shopify, path).status) == (200, 200)


@pytest.mark.parametrize(
    ("mode", "status", "text", "paths"),
    [
        ({"approvalMissing": "read_products"}, 403, "requires merchant approval for read_products scope.", PATHS),
        ({"nonExpiringTokens": "refused"}, 403, "access tokens are no longer accepted for the Admin API.", PATHS),
        ({"accessScopes": [], "ineligibleAnswer": "service"}, 403, "must be service access.", PATHS[:1]),
        ({"accessScopes": [], "ineligibleAnswer": "channel"}, 403, "must have a channel record", PATHS[:1]),
        ({"shopStatus": "payment_required"}, 402, "plan does not have access", PATHS),
        ({"shopStatus": "locked"}, 423, "unavailable", PATHS),
    ],
)
def test_a_refusal_says_what_is_missing(
    shopify: ShopifyAccount, mode: dict[str, Any], status: int, text: str, paths: tuple[str, ...]
) -> None:
    shopify.put(**mode)

    for path in paths:
        refused = post(shopify, path)
        assert refused.status == status
        assert text in refused.json()["errors"]
