"""API Gateway's events: each field from its own place, and answers as HTTP."""

import base64
import json
from typing import Any

import pytest

from tests.fakes.events import CALLER, api_event
from tests.fakes.samples import token
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.api_gateway import BODY_LIMIT, ApiGatewayAdapter
from token_broker.entrypoints.inputs import (
    CloseSession,
    CreateToken,
    GetSessionToken,
    GetShopToken,
    Input,
    MerchantInput,
    RevokeToken,
    read,
)
from token_broker.errors import Conflict, InvalidRequest, ProviderThrottled, Unauthenticated

CANARY = "sk_live_canary"
ACME = {"merchant": "acme"}


def given(kind: type[Input], **event: Any) -> dict[str, Any]:
    return ApiGatewayAdapter(api_event(**event)).raw_fields(kind)


def refusal(kind: type[Input], **event: Any) -> str:
    """Return the error that reading the whole event raises."""
    with pytest.raises(InvalidRequest) as refused:
        read(kind, given(kind, **event))
    assert CANARY not in refused.value.detail
    return refused.value.detail


def test_each_field_comes_from_its_own_place() -> None:
    presigned = {"X-Amz-Signature": ["0f"], "X-Amz-Date": ["20261121T000000Z"]}
    fields = given(RevokeToken, path={"merchant": "acme", "tokenId": "7"}, query={**presigned, "foreign": ["true"]})

    assert fields == {"merchant": "acme", "tokenId": "7", "foreign": "true"}


@pytest.mark.parametrize(
    ("in_the_path", "session_id"),
    [
        ("checkout-1", "checkout-1"),
        ("check%20out", "check out"),
        ("a%2Fb", "a/b"),
        ("a%23b", "a#b"),
        ("100%2525", "100%25"),
        ("a+b", "a+b"),
        ("%C3%A9", "é"),
        ("%F0%9F%9B%92", "🛒"),
        ("é", "é"),
        ("50%", "50%"),
    ],
)
def test_a_session_stands_percent_encoded_in_the_path(in_the_path: str, session_id: str) -> None:
    """As API Gateway's REST APIs pass it on. It must be the one that a body names."""
    event = api_event(path={"merchant": "acme", "sessionId": in_the_path}, body={"orderId": "100%25"})

    assert ApiGatewayAdapter(event).raw_fields(CloseSession) == {
        "merchant": "acme",
        "sessionId": session_id,
        "orderId": "100%25",
    }


@pytest.mark.parametrize("in_the_path", ["%FF", "%C3", "%ED%A0%BC"])
def test_a_path_that_is_no_utf_8_is_refused(in_the_path: str) -> None:
    said = refusal(CloseSession, path={"merchant": "acme", "sessionId": in_the_path})

    assert said == "The path must be percent-encoded UTF-8 text."


@pytest.mark.parametrize("in_the_path", ["%00", "%20", "a%0Ab", "s" * 257])
def test_a_sessions_name_is_judged_as_it_is_meant(in_the_path: str) -> None:
    assert "'sessionId' must be" in refusal(CloseSession, path={"merchant": "acme", "sessionId": in_the_path})


def test_a_merchant_in_another_spelling_is_nobody() -> None:
    """An IAM policy that denies `…/merchants/acme/*` knows no other spelling than this."""
    assert "'merchant' must be" in refusal(CloseSession, path={"merchant": "%61cme", "sessionId": "s-1"})


def test_the_body_is_one_json_object_or_empty() -> None:
    assert given(CreateToken, path=ACME, body='{"title": "T"}'.ljust(BODY_LIMIT)) == {"merchant": "acme", "title": "T"}
    assert [given(CreateToken, path=ACME, body=text) for text in ("  \n", "", "{}")] == [ACME] * 3


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_a_headers_name_is_read_in_any_case(name: str) -> None:
    assert given(CreateToken, path=ACME, headers={name: ["k-1"]})["idempotencyKey"] == "k-1"


def test_headers_are_read_where_an_event_has_only_single_values_and_if_a_field_asks_for_them() -> None:
    event = api_event(path=ACME, multiValueHeaders=None)
    event["headers"] = {"Cache-Control": "no-cache", "X-Any": "a"}

    assert ApiGatewayAdapter(event).raw_fields(GetShopToken) == {"merchant": "acme", "cacheControl": "no-cache"}
    assert ApiGatewayAdapter(event).raw_fields(MerchantInput) == ACME


@pytest.mark.parametrize(
    "headers", [{"Idempotency-Key": ["a", "b"]}, {"Idempotency-Key": ["a"], "idempotency-key": ["a"]}]
)
def test_an_idempotency_key_given_twice_is_refused(headers: dict[str, list[str]]) -> None:
    fields = given(CreateToken, path=ACME, headers=headers, body={"title": "T"})

    with pytest.raises(InvalidRequest, match="idempotencyKey"):
        read(CreateToken, fields)


def test_a_proxys_second_cache_control_is_read_with_the_first() -> None:
    fields = given(GetShopToken, path=ACME, headers={"Cache-Control": ["max-age=0", "no-cache"]})

    assert read(GetShopToken, fields).fresh


@pytest.mark.parametrize("values", [["true", "false"], ["true", "true"]])
def test_a_query_parameter_given_twice_is_refused(values: list[str]) -> None:
    path = {"merchant": "acme", "tokenId": "7"}

    assert refusal(RevokeToken, path=path, query={"foreign": values}) == "Each query parameter can be given once."


@pytest.mark.parametrize(
    ("kind", "event", "says"),
    [
        (MerchantInput, {"query": {CANARY: [CANARY]}}, "The query takes these fields and no others: none."),
        (MerchantInput, {"query": {"merchant": ["victim"]}}, "The query takes"),
        (CreateToken, {"query": {"title": ["T"]}}, "The query takes"),
        (GetSessionToken, {"query": {"sessionId": ["s"]}}, "The query takes"),
        (GetShopToken, {"query": {"cacheControl": ["no-cache"]}}, "The query takes"),
        (CreateToken, {"body": {"merchant": "victim"}}, "The body takes these fields and no others: title."),
        (CreateToken, {"body": {"title": "T", "idempotencyKey": "other"}}, "The body takes"),
        (CreateToken, {"body": {"title": "T", "merchant": "acme"}, "path": None}, "The body takes"),
        (CloseSession, {"body": {"sessionId": "s-2"}, "path": {**ACME, "sessionId": "s-1"}}, "The body takes"),
        (MerchantInput, {"path": {**ACME, "tokenId": "7"}}, "The path takes"),
    ],
)
def test_a_field_cannot_be_smuggled_in_from_another_place(kind: type[Input], event: dict[str, Any], says: str) -> None:
    """IAM allowed the path's merchant, no other."""
    assert refusal(kind, **{"path": ACME, **event}).startswith(says)


def test_a_path_parameter_without_a_value_is_one_that_is_missing() -> None:
    assert refusal(MerchantInput, path={"merchant": None}) == "'merchant' must be given."
    assert refusal(MerchantInput) == "'merchant' must be given."


@pytest.mark.parametrize("value", [[], "text", 1, True, None])
def test_a_body_that_is_no_object_is_refused(value: Any) -> None:
    assert refusal(CreateToken, path=ACME, body=json.dumps(value)) == "The body must be one JSON object."


def test_a_body_that_is_not_strict_json_is_refused_with_the_reason() -> None:
    said = refusal(CreateToken, path=ACME, body=f'{{"title": "{CANARY}", "title": "b"}}')

    assert said == "The body is not usable: a field is given twice. Send one JSON object."


@pytest.mark.parametrize(
    "text", ["x" * 1024 * 1024, '{"title": "' + "x" * BODY_LIMIT + '"}', "é" * (BODY_LIMIT // 2 + 1)]
)
def test_a_body_over_the_limit_is_refused_unread(text: str) -> None:
    assert refusal(CreateToken, path=ACME, body=text) == f"The body must have at most {BODY_LIMIT} bytes."


def test_a_base64_body_is_read() -> None:
    body = base64.b64encode('{"title": "é😀"}'.encode()).decode()

    assert given(CreateToken, path=ACME, body=body, isBase64Encoded=True)["title"] == "é😀"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (base64.b64encode(b" " * (BODY_LIMIT + 1)).decode(), "The body must have at most"),
        ("not base64!", "The body is not UTF-8 text. Send one JSON object."),
        ("abc", "The body is not UTF-8 text."),
        (base64.b64encode(b"\xff\xfe").decode(), "The body is not UTF-8 text."),
        ("é", "The body is not UTF-8 text."),
    ],
    ids=["long", "not base64", "cut", "octets", "not ascii"],
)
def test_a_base64_body_that_is_too_long_or_no_text_is_refused(body: str, says: str) -> None:
    assert refusal(CreateToken, path=ACME, body=body, isBase64Encoded=True).startswith(says)


@pytest.mark.parametrize("body", [{"title": "T"}, ["x"], 7])
def test_a_body_that_is_no_text_is_refused(body: Any) -> None:
    with pytest.raises(InvalidRequest, match="must be text"):
        ApiGatewayAdapter({**api_event(path=ACME), "body": body}).raw_fields(CreateToken)


def test_a_body_with_half_a_surrogate_pair_is_refused() -> None:
    assert "UTF-8" in refusal(CreateToken, path=ACME, body='{"title": "\ud800"}')


def test_a_query_and_headers_without_values_are_refused_or_passed_over() -> None:
    event = {**api_event(path=ACME), "multiValueHeaders": {"Idempotency-Key": None}}
    assert ApiGatewayAdapter(event).raw_fields(CreateToken) == ACME

    with pytest.raises(InvalidRequest, match="query parameter"):
        ApiGatewayAdapter({**event, "multiValueQueryStringParameters": {"foreign": None}}).raw_fields(CreateToken)


def test_the_caller_is_the_principal_that_signed() -> None:
    assert ApiGatewayAdapter(api_event()).caller() == CALLER


def test_an_access_key_stands_in_for_a_principal_without_a_name() -> None:
    event = api_event(requestContext={"requestId": "r", "identity": {"userArn": None, "accessKey": "AKIA1"}})

    assert ApiGatewayAdapter(event).caller() == "AKIA1"


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"identity": None},
        {"identity": {}},
        {"identity": {"userArn": "", "accessKey": ""}},
        {"identity": {"userArn": 7}},
        {"identity": "arn:aws:iam::1:user/a"},
    ],
)
def test_nobody_is_let_in_without_an_identity(context: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        ApiGatewayAdapter(api_event(requestContext=context)).caller()


def test_the_request_id_is_the_gateways() -> None:
    assert ApiGatewayAdapter(api_event()).request_id == "gateway-request-1"
    assert not ApiGatewayAdapter(api_event(requestContext={})).request_id


def test_an_answer_is_json_for_the_caller_alone() -> None:
    answer = ApiGatewayAdapter(api_event()).respond(Reply(token(title="Ü😀"), 201))

    assert answer["statusCode"] == 201
    assert answer["headers"] == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    assert answer["isBase64Encoded"] is False
    assert json.loads(answer["body"]) == token(title="Ü😀").as_json()


def test_a_refusal_is_a_problem_document_for_the_caller_alone_and_says_when_to_come_again() -> None:
    error = ProviderThrottled("Slow down.", retry_after=1.2)

    answer = ApiGatewayAdapter(api_event()).reject(error)

    assert answer["statusCode"] == 503
    assert answer["headers"] == {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Retry-After": "2",
    }
    assert json.loads(answer["body"]) == error.problem("gateway-request-1")
    assert "Retry-After" not in ApiGatewayAdapter(api_event()).reject(Conflict("It stands already."))["headers"]
