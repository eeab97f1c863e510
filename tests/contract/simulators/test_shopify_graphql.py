"""Shopify's GraphQL Admin API creates, lists and deletes storefront access tokens, and refuses as Shopify does."""

import json
from typing import Any

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges.playing import Reply, send

ADMIN = "demo-admin-token"
CREATE = """mutation($input: StorefrontAccessTokenInput!) { storefrontAccessTokenCreate(input: $input) {
    storefrontAccessToken { id title accessToken accessScopes { handle } createdAt } userErrors { field message } } }"""
DELETE = """mutation($input: StorefrontAccessTokenDeleteInput!) { storefrontAccessTokenDelete(input: $input) {
    deletedStorefrontAccessTokenId userErrors { field message } } }"""
LIST = """query($first: Int, $after: String) {
    shop { storefrontAccessTokens(first: $first, after: $after) {
        nodes { id title accessToken } pageInfo { hasNextPage endCursor } } }
    currentAppInstallation { accessScopes { handle } } }"""


class Api:
    def __init__(self, base: str, control: ControlClient) -> None:
        self.base = base
        self.control = control
        self.put()

    def put(self, **modes: object) -> None:
        fields = {"shop": "demo.myshopify.com", "adminAccessToken": ADMIN, **modes}
        self.control.put_account("shopify", "demo", **fields)

    def post(self, query: str, version: str = "/api/2026-10", **variables: Any) -> Reply:
        headers = {"X-Shopify-Access-Token": ADMIN, "Content-Type": "application/json"}
        body = json.dumps({"query": query, "variables": variables}).encode()
        return send(self.base, "POST", f"/admin{version}/graphql.json", headers=headers, body=body)

    def data(self, query: str, **variables: Any) -> Any:
        """Return the data of an answer, which has no errors."""
        answer = self.post(query, **variables).json()
        assert "errors" not in answer
        return answer["data"]

    def create(self, title: str = "Test") -> Any:
        return self.data(CREATE, input={"title": title})["storefrontAccessTokenCreate"]

    def page(self, first: int = 100, after: str | None = None) -> Any:
        return self.data(LIST, first=first, after=after)["shop"]["storefrontAccessTokens"]


@pytest.fixture
def api(simulators: Addresses, control: ControlClient) -> Api:
    return Api(simulators["shopify"], control)


def test_a_created_token_is_that_of_rest_and_is_deleted_by_its_id(api: Api) -> None:
    made = api.create()["storefrontAccessToken"]
    path = "/admin/api/2026-10/storefront_access_tokens.json"
    [listed] = send(api.base, "GET", path, headers={"X-Shopify-Access-Token": ADMIN}).json()["storefront_access_tokens"]
    deleted = api.data(DELETE, input={"id": made["id"]})["storefrontAccessTokenDelete"]
    again = api.data(DELETE, input={"id": made["id"]})["storefrontAccessTokenDelete"]

    assert (made["id"], made["accessToken"]) == (listed["admin_graphql_api_id"], listed["access_token"])
    assert made["accessScopes"] == [{"handle": "unauthenticated_read_product_listings"}]
    assert deleted == {"deletedStorefrontAccessTokenId": made["id"], "userErrors": []}
    assert again["deletedStorefrontAccessTokenId"] is None
    assert again["userErrors"] != []


def test_pages_hold_each_token_once_even_if_the_last_one_shown_is_deleted(api: Api) -> None:
    planted = [token["admin_graphql_api_id"] for token in api.control.plant_tokens("demo", count=6)]
    first = api.page(first=2)
    api.data(DELETE, input={"id": planted[1]})
    second = api.page(first=2, after=first["pageInfo"]["endCursor"])
    third = api.page(first=2, after=second["pageInfo"]["endCursor"])

    assert [node["id"] for page in (first, second, third) for node in page["nodes"]] == planted
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]


def test_without_an_unauthenticated_scope_a_create_is_denied_and_a_list_is_empty(api: Api) -> None:
    api.control.plant_tokens("demo")
    api.put(accessScopes=["read_products"])
    denied = api.post(CREATE, input={"title": "Test"})
    [error] = denied.json()["errors"]

    assert denied.status == 200
    assert denied.json()["data"] == {"storefrontAccessTokenCreate": None}
    assert (error["message"], error["path"], error["extensions"]["code"]) == (
        "Access denied for storefrontAccessTokenCreate field.",
        ["storefrontAccessTokenCreate"],
        "ACCESS_DENIED",
    )
    assert api.page()["nodes"] == []
    assert api.data(LIST, first=1)["currentAppInstallation"] == {"accessScopes": [{"handle": "read_products"}]}


@pytest.mark.parametrize(
    ("held", "title", "error"),
    [
        (100, "Test", {"field": ["input"], "message": "Api permission exceeds public access token limit of: 100"}),
        (99, " ", {"field": ["input", "title"], "message": "Title can't be blank"}),
    ],
)
def test_a_refused_create_has_user_errors(api: Api, held: int, title: str, error: dict[str, object]) -> None:
    api.control.plant_tokens("demo", count=held)

    assert api.create(title) == {"storefrontAccessToken": None, "userErrors": [error]}


def test_points_are_used_up_and_restored(api: Api) -> None:
    api.put(graphqlBucket=20, graphqlRestore=0.01)
    statuses = [api.post(CREATE, input={"title": "Test"}).json() for _ in range(3)]
    refused = statuses[-1]

    assert [each["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] for each in statuses] == [10, 0, 0]
    assert refused["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert refused["extensions"]["cost"]["requestedQueryCost"] == 10
    assert refused["extensions"]["cost"]["throttleStatus"]["restoreRate"] == 0.01
    api.control.advance(1000)
    assert api.create()["userErrors"] == []
    assert api.control.state()["shopify"]["demo"]["mints"] == 3


def test_an_invalid_document_changes_nothing(api: Api) -> None:
    asked = api.post(CREATE.replace("field message", "code"), input={"title": "Test"}).json()
    [error] = asked["errors"]

    assert error["message"] == "Field 'code' doesn't exist on type 'UserError'"
    assert error["extensions"]["code"] == "undefinedField"
    assert [api.post(query).json().keys() for query in ("{", "{" * 20_000, "")] == [{"errors"}] * 3
    assert api.control.state()["shopify"]["demo"]["tokens"] == []


def test_a_body_without_a_query_is_refused(api: Api) -> None:
    headers = {"X-Shopify-Access-Token": ADMIN, "Content-Type": "application/json"}
    path = "/admin/api/2026-10/graphql.json"
    bodies = (b"{", b"[]", b'{"query":1}', b'{"query":"{shop{id}}","variables":[]}')

    assert [send(api.base, "POST", path, headers=headers, body=body).status for body in bodies] == [400] * 4


def test_graphql_has_versions_but_no_unversioned_address(api: Api) -> None:
    replies = [api.post("{shop{id}}", version) for version in ("/api/2019-04", "/api/2019-05", "")]

    assert [reply.status for reply in replies] == [200, 404, 404]
    assert replies[0].headers["x-shopify-api-version"] == "2026-01"


@pytest.mark.parametrize(
    ("modes", "status"),
    [
        ({"adminAccessToken": "another"}, 401),
        ({"shopStatus": "payment_required"}, 402),
        ({"nonExpiringTokens": "refused"}, 403),
        ({"shopStatus": "locked"}, 423),
    ],
)
def test_graphql_is_refused_as_rest_is(api: Api, modes: dict[str, object], status: int) -> None:
    api.put(**modes)

    assert api.post("{shop{id}}").status == status
