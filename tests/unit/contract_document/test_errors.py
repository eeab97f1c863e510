"""Each operation has the errors that it can have, by the classes of the code and the gateway's own responses."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reference_pages.contract import Operation, document, operations, resolved
from tests.contract_document import check_response
from tests.expected_functions import FUNCTIONS
from tests.fakes.samples import token
from tests.template_as_written import template
from tests.unit.contract_document.test_responses import send
from tests.unit.loading import load
from tests.unit.repository.test_pages import below
from token_broker import errors
from token_broker.errors import BrokerError, ProviderFailure, ProviderReply
from token_broker.providers.shopify import refusals

EVERY = below(BrokerError)
GATEWAY = template()["Resources"]["Api"]["Properties"]["GatewayResponses"]
ALL = (errors.InvalidRequest, errors.Unauthenticated, errors.Forbidden, errors.InternalError, errors.StorageUnavailable)
STACK = (*ALL, errors.ProviderNotConfigured)
MERCHANT = (*STACK, errors.MerchantNotFound)
ACCOUNT = (*MERCHANT, errors.MerchantMisconfigured)
PROVIDER = (
    *(*ACCOUNT, errors.RateLimited, errors.MintInProgress, errors.ShopUnavailable),
    *(errors.ProviderRejectedCredentials, errors.ProviderError, errors.ProviderThrottled, errors.ProviderUnavailable),
)
CREDENTIALS = tuple(each for each in EVERY if issubclass(each, errors.ProviderRejectedCredentials))
OF_SHOPIFY = tuple(each for each in below(ProviderFailure) if each.__module__ == refusals.__name__)
SHOPIFY = (*PROVIDER, *CREDENTIALS, *OF_SHOPIFY, errors.TokenLimitReached, errors.Conflict)
SESSION = (*PROVIDER, errors.SessionClosed, errors.Conflict)
CHANGE = (errors.PreconditionFailed, errors.Conflict)
#: A migration sends nothing to Shopify's Admin API.
ADMIN = (errors.TokenLimitReached, *(each for each in OF_SHOPIFY if each.status == 409))

#: What each function can fail with. One that is not here can fail as a provider's client can.
FAILURES: dict[str, tuple[type[BrokerError], ...]] = {
    "fourthwall/public_token": (*PROVIDER, errors.ReauthorizationRequired),
    "fourthwall/rotate": (*PROVIDER, errors.ReauthorizationRequired),
    "chicksx/public_token": SESSION,
    "chicksx/close_session": ALL,
    "chicksx/rotate": ACCOUNT,
    "shopify/storefront_access_token": SHOPIFY,
    "shopify/create_storefront_access_token": SHOPIFY,
    "shopify/list_storefront_access_tokens": SHOPIFY,
    "shopify/get_storefront_access_token": (*STACK, errors.TokenNotFound),
    "shopify/delete_storefront_access_token": (*SHOPIFY, errors.TokenNotFound),
    "shopify/rotate": SHOPIFY,
    "shopify/put_rotation_settings": (*MERCHANT, *CHANGE),
    "shopify/get_rotation_settings": MERCHANT,
    "shopify/reconcile": SHOPIFY,
    "shopify/migrate_token": (*(each for each in SHOPIFY if each not in ADMIN), errors.PermanentTokenRefused),
    "storefronts/put_trust_policy": (*ALL, *CHANGE),
    "storefronts/get_trust_policy": (*ALL, errors.TrustPolicyNotFound),
    "storefronts/delete_trust_policy": (*ALL, *CHANGE),
    "storefronts/allow_preview_origin": (*ALL, errors.TrustPolicyNotFound, errors.Conflict),
    "storefronts/list_preview_origins": (*ALL, errors.TrustPolicyNotFound),
    "storefronts/remove_preview_origin": (*ALL, errors.TrustPolicyNotFound, errors.Conflict),
}
#: The gateway's responses to callers of one kind, and to what is no route. All others come to everybody.
SIGNATURES = ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN")
AUTHORIZERS = ("UNAUTHORIZED", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE")

JSON = {"Content-Type": "application/json"}

by_operation = pytest.mark.parametrize("operation", operations().values(), ids=list(operations()))


def failures_of(operation: Operation) -> tuple[type[BrokerError], ...]:
    return FAILURES.get(operation.function, PROVIDER)


def problem_of(kind: str) -> dict[str, Any]:
    text = GATEWAY[kind]["ResponseTemplates"]["application/json"]
    problem: dict[str, Any] = json.loads(text.replace("$context.requestId", "gateway-request-1"))
    return problem


def of_the_gateway(operation: Operation) -> Iterator[str]:
    """Yield the kinds of responses with which API Gateway can answer in place of the function."""
    of_others = AUTHORIZERS if {"sigV4": []} in security(operation) else SIGNATURES
    yield from (kind for kind in GATEWAY if kind not in (*of_others, "RESOURCE_NOT_FOUND"))


def security(operation: Operation) -> Any:
    return operation.described.get("security", document()["security"])


def described(response: dict[str, Any]) -> set[tuple[int, str]]:
    """Return the status and the codes of an error that the document describes."""
    members = resolved(response["content"]["application/problem+json"]["schema"])["properties"]
    return {(members["status"]["const"], code) for code in members["code"]["enum"]}


@by_operation
def test_an_operation_has_the_errors_of_its_function_and_of_the_gateway(operation: Operation) -> None:
    expected = {(each.status, each.code) for each in failures_of(operation)}
    expected |= {(each["status"], each["code"]) for each in map(problem_of, of_the_gateway(operation))}

    failures = {status: each for status, each in operation.responses.items() if status >= 400}
    assert {pair for each in failures.values() for pair in described(each)} == expected
    assert {status for each in failures.values() for status, _ in described(each)} == failures.keys()


def test_every_function_that_reads_a_secret_knows_merchants_without_one() -> None:
    reading = {each.folder for each in FUNCTIONS if each.secrets and each.routes}

    assert reading == {each.function for each in operations().values() if errors.MerchantNotFound in failures_of(each)}


def test_the_table_of_codes_is_that_of_the_classes() -> None:
    schema = document()["components"]["schemas"]["Code"]
    statuses: dict[str, set[int]] = {each.code: {each.status} for each in EVERY}
    for problem in map(problem_of, GATEWAY):
        statuses[problem["code"]].add(problem["status"])

    assert set(schema["enum"]) == statuses.keys()
    assert schema["x-codes"] == {
        each.code: {"title": each.title, "statuses": sorted(statuses[each.code]), "retryable": each.retryable}
        for each in reversed(EVERY)
    }


def example(kind: type[BrokerError]) -> BrokerError:
    """Build an error of the class, with a provider's reply if it can have one."""
    if issubclass(kind, ProviderFailure):
        return kind("What to do.", reply=ProviderReply(400, "invalid", "No."), retry_after=1)
    if kind in (errors.SessionClosed, errors.MintInProgress):
        return kind()
    return kind(1) if kind is errors.RateLimited else kind("What to do.")


@by_operation
def test_a_functions_problem_document_is_as_described(operation: Operation, put_in: Callable[..., None]) -> None:
    operation_id = operation.described["operationId"]
    of_storefronts = "preview_origins" if "preview" in operation_id else "trust_policies"
    maker = operation.function.partition("/")[0].replace("storefronts", of_storefronts)
    body = None if operation.body is None else operation.body["content"]["application/json"]["example"]
    failing: list[type[BrokerError]] = []

    def fail(_request: Any) -> Any:
        raise example(failing[-1])

    put_in(maker, fail)
    handler = load(operation.function)
    for kind in failures_of(operation):
        failing.append(kind)
        assert send(operation_id, handler=handler, body=body)["statusCode"] == kind.status


@by_operation
def test_the_gateways_problem_document_is_as_described(operation: Operation) -> None:
    for kind in of_the_gateway(operation):
        check_response(operation.method, operation.path, *sent_by_the_gateway(kind))


def test_what_is_no_route_has_a_problem_document_as_well() -> None:
    for kind in ("MISSING_AUTHENTICATION_TOKEN", "ACCESS_DENIED", "RESOURCE_NOT_FOUND"):
        check_response("POST", "/merchants/demo", *sent_by_the_gateway(kind))


def sent_by_the_gateway(kind: str) -> tuple[int, dict[str, str], str]:
    """Return the status, the headers and the body of such a response."""
    headers = {name: str(value).strip("'") for name, value in GATEWAY[kind]["ResponseParameters"]["Headers"].items()}
    return GATEWAY[kind]["StatusCode"], headers, json.dumps(problem_of(kind))


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (418, {}, {}),
        (200, {"X-Other": "1"}, {}),
        (200, {"Cache-Control": "public"}, {}),
        (200, {"Content-Type": "text/html"}, {}),
        (200, {}, {"other": 1}),
        (200, {}, {"use": {"in": "header", "name": "X-Token", "other": 1}}),
        (200, {}, {"issuedAt": None}),
        (200, {}, {"provider": ...}),
    ],
)
def test_another_status_header_or_member_is_found(status: int, headers: dict[str, str], body: dict[str, Any]) -> None:
    """What `check_response` cannot find would be held by no test."""
    route, usual = ("PUT", "/merchants/demo/fourthwall/public-token"), {"Cache-Control": "no-store", **JSON}
    check_response(*route, 200, usual, json.dumps(token().as_json()))
    members = {name: value for name, value in {**token().as_json(), **body}.items() if value is not ...}

    with pytest.raises(AssertionError):
        check_response(*route, status, usual | headers, json.dumps(members))
