"""Simulate Shopify's GraphQL Admin API for storefront access tokens.

A document is validated against the part of Shopify's schema that is simulated. A refusal is 200 with `errors` or
`userErrors`. Calls cost points, which a bucket restores over time.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    ValidationRule,
    Visitor,
    build_schema,
    execute,
    parse,
    specified_rules,
    validate,
    visit,
)

from sandbox.http_server.messages import JSON_TYPE, Request, Response, json_response, parse_json
from sandbox.simulators.shopify.installations import TOKEN_LIMIT, Bucket, Installation, StorefrontToken
from sandbox.simulators.shopify.responses import LIMIT_TEXT, NOT_FOUND

MAX_PAGE = 250
COSTS = {"storefrontAccessTokenCreate": 10, "storefrontAccessTokenDelete": 10, "storefrontAccessTokens": 6}
DOCUMENTATION = "https://shopify.dev/api/usage"
_SCHEMA = build_schema("""
    scalar DateTime

    type Query { shop: Shop! currentAppInstallation: AppInstallation! }
    type Shop {
        id: ID! name: String! myshopifyDomain: String!
        storefrontAccessTokens(first: Int, after: String): StorefrontAccessTokenConnection!
    }
    type AppInstallation { accessScopes: [AccessScope!]! }
    type AccessScope { handle: String! }
    type StorefrontAccessTokenConnection { nodes: [StorefrontAccessToken!]! pageInfo: PageInfo! }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    type StorefrontAccessToken {
        id: ID! title: String! accessToken: String! accessScopes: [AccessScope!]!
        createdAt: DateTime! updatedAt: DateTime!
    }

    type Mutation {
        storefrontAccessTokenCreate(input: StorefrontAccessTokenInput!): StorefrontAccessTokenCreatePayload
        storefrontAccessTokenDelete(input: StorefrontAccessTokenDeleteInput!): StorefrontAccessTokenDeletePayload
    }
    input StorefrontAccessTokenInput { title: String! }
    input StorefrontAccessTokenDeleteInput { id: ID! }
    type StorefrontAccessTokenCreatePayload {
        shop: Shop! storefrontAccessToken: StorefrontAccessToken userErrors: [UserError!]!
    }
    type StorefrontAccessTokenDeletePayload { deletedStorefrontAccessTokenId: ID userErrors: [UserError!]! }
    type UserError { field: [String!] message: String! }
""")
_TOKEN_ID = re.compile(r"gid://shopify/StorefrontAccessToken/([0-9]{1,30})", re.ASCII)

type Json = dict[str, Any]


def respond(request: Request, installation: Installation, now: float, free_id: Callable[[], int]) -> Response:
    """Return the response to an app that may call the Admin API."""
    if request.method != "POST":
        return NOT_FOUND
    sent = _read_body(request)
    if sent is None:
        return json_response(400, {"errors": {"query": "Required parameter missing or invalid"}})
    document = _read_document(sent["query"])
    if not isinstance(document, DocumentNode):
        return json_response(200, {"errors": [error.formatted for error in document]})
    cost, bucket = _cost(document), installation.graphql_bucket
    if not bucket.take(now, cost):
        throttled = GraphQLError(
            "Throttled", extensions={"code": "THROTTLED", "documentation": f"{DOCUMENTATION}/limits"}
        )
        return json_response(200, {"errors": [throttled.formatted], **_cost_shown(cost, None, bucket)})
    result = execute(
        _SCHEMA,
        document,
        _Operations(installation, now, free_id).fields(),
        variable_values=sent.get("variables"),
        operation_name=sent.get("operationName"),
    )
    assert isinstance(result, ExecutionResult)  # noqa: S101 - no resolver is asynchronous
    return json_response(200, {**result.formatted, **_cost_shown(cost, cost, bucket)})


class _Operations:
    """Resolve the fields of one request."""

    def __init__(self, installation: Installation, now: float, free_id: Callable[[], int]) -> None:
        self._installation = installation
        self._now = now
        self._free_id = free_id

    def fields(self) -> Json:
        scopes = self._installation.account.access_scopes
        return {
            "shop": self._shop(),
            "currentAppInstallation": {"accessScopes": _handles(scopes)},
            "storefrontAccessTokenCreate": self._create,
            "storefrontAccessTokenDelete": self._delete,
        }

    def _shop(self) -> Json:
        domain = self._installation.account.shop
        name = domain.partition(".")[0]
        return {
            "id": "gid://shopify/Shop/1",
            "name": name,
            "myshopifyDomain": domain,
            "storefrontAccessTokens": self._list,
        }

    def _list(self, _info: object, first: int | None = None, after: str | None = None) -> Json:
        if first is None or not 0 < first <= MAX_PAGE:
            raise _error(f"first must be a number from 1 to {MAX_PAGE}", "BAD_REQUEST")
        start = 0 if after is None else _read_cursor(after)
        # Shopify shows no token, and no error, to an app without the right to see them.
        tokens = self._installation.tokens if self._installation.account.token_scope else {}
        following = [tokens[token_id] for token_id in sorted(tokens) if token_id > start]
        page = following[:first]
        return {
            "nodes": [_shown(token) for token in page],
            "pageInfo": {
                "hasNextPage": len(following) > first,
                "endCursor": _cursor(page[-1]) if page else None,
            },
        }

    def _create(self, _info: object, input: Mapping[str, str]) -> Json:  # noqa: A002 - the schema's name
        if not self._installation.account.token_scope:
            raise _error("Access denied for storefrontAccessTokenCreate field.", "ACCESS_DENIED")
        refused = {"shop": self._shop(), "storefrontAccessToken": None}
        if not input["title"].strip():
            return {**refused, **_user_error(["input", "title"], "Title can't be blank")}
        if len(self._installation.tokens) >= TOKEN_LIMIT:
            return {**refused, **_user_error(["input"], LIMIT_TEXT)}
        token = self._installation.mint(input["title"], self._now, self._free_id())
        return {"shop": self._shop(), "storefrontAccessToken": _shown(token), "userErrors": []}

    def _delete(self, _info: object, input: Mapping[str, str]) -> Json:  # noqa: A002 - the schema's name
        match = _TOKEN_ID.fullmatch(input["id"])
        if match is None or not self._installation.delete(int(match[1])):
            return _user_error(["input", "id"], "Storefront access token does not exist")
        return {"deletedStorefrontAccessTokenId": input["id"], "userErrors": []}


class _UndefinedFieldRule(ValidationRule):
    """Report an unknown field as Shopify does, with the code `undefinedField`."""

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent, name = self.context.get_parent_type(), node.name.value
        if parent is not None and self.context.get_field_def() is None:
            details = {"code": "undefinedField", "typeName": parent.name, "fieldName": name}
            message = f"Field '{name}' doesn't exist on type '{parent.name}'"
            self.report_error(GraphQLError(message, node, extensions=details))


_RULES: list[type[ASTValidationRule]] = [
    _UndefinedFieldRule,
    *(rule for rule in specified_rules if rule is not FieldsOnCorrectTypeRule),
]


def _read_document(text: str) -> DocumentNode | list[GraphQLError]:
    """Return the document if it is valid, or its errors."""
    try:
        document = parse(text)
        return validate(_SCHEMA, document, _RULES) or document
    except GraphQLError as error:
        return [error]
    except RecursionError:
        return [GraphQLError("The document is nested too deeply")]


class _CostVisitor(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.cost = 0

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.cost += COSTS.get(node.name.value, 0)


def _cost(document: DocumentNode) -> int:
    visitor = _CostVisitor()
    visit(document, visitor)
    return max(1, visitor.cost)


def _cost_shown(requested: int, actual: int | None, bucket: Bucket) -> Json:
    throttle = {
        "maximumAvailable": float(bucket.size),
        "currentlyAvailable": int(bucket.size - bucket.level),
        "restoreRate": float(bucket.leak),
    }
    cost = {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": throttle}
    return {"extensions": {"cost": cost}}


def _read_body(request: Request) -> Json | None:
    """Return an object with a text `query` and fitting `variables` and `operationName`, or None."""
    try:
        body = parse_json(request.body)
    except ValueError:
        return None
    if request.media_type != JSON_TYPE or not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return None
    fits = isinstance(body.get("variables"), dict | None) and isinstance(body.get("operationName"), str | None)
    return body if fits else None


def _shown(token: StorefrontToken) -> Json:
    created_at = datetime.fromisoformat(token.created_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": token.graphql_id,
        "title": token.title,
        "accessToken": token.access_token,
        "accessScopes": _handles(token.access_scope.split(",")),
        "createdAt": created_at,
        "updatedAt": created_at,
    }


def _handles(scopes: Iterable[str]) -> list[Json]:
    return [{"handle": scope} for scope in scopes]


def _cursor(token: StorefrontToken) -> str:
    return base64.b64encode(str(token.token_id).encode()).decode()


def _read_cursor(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True))
    except ValueError:
        raise _error("Invalid cursor for current pagination sort.", "BAD_REQUEST") from None


def _user_error(field: list[str], message: str) -> Json:
    return {"userErrors": [{"field": field, "message": message}]}


def _error(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code, "documentation": f"{DOCUMENTATION}/access-scopes"})
