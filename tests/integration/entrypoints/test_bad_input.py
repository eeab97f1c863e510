"""The API rejects bad input with 400 and sends no request to the table or a provider."""

import base64
import json
from typing import Any

import pytest

from tests.integration.support.functions import (
    CHICKSX,
    CREATE,
    CURRENT,
    DELETE,
    FOURTHWALL,
    FUNCTIONS,
    LIST,
    POLICY_FUNCTIONS,
    provider_of,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.errors import BrokerError, InvalidRequest

BODIES = [CHICKSX, CREATE]
GOOD_BODY: dict[str, dict[str, Any]] = {CHICKSX: {"sessionId": "s-1"}, CREATE: {"title": "Storefront"}}


def refused(stack: Stack, function: str, **changes: Any) -> str:
    """Return the detail of a 400 after checking that nothing was requested or written."""
    asked = len(stack.asked(function))
    answer = stack.worker(function).api(**changes)
    assert (answer.status, answer.code) == (400, "invalid_request"), answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.body) == {"type", "title", "status", "detail", "code", "requestId", "retryable"}
    assert answer.body["retryable"] is False
    assert answer.retry_after is None
    assert stack.items() == []
    assert len(stack.asked(function)) == asked
    return str(answer.body["detail"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_unknown_merchant(function: str, untouched_stack: Stack) -> None:
    answer = untouched_stack.worker(function).api(path={"merchant": "nobody"})

    assert (answer.status, answer.code) == (404, "merchant_not_found")
    assert untouched_stack.items() == []


@pytest.mark.parametrize("function", [CREATE, FOURTHWALL])
@pytest.mark.parametrize(
    "name",
    ["", "-demo", "Demo", "a" * 64, "de mo", "de/mo", "de%2Fmo", "..", "demo\n", "demo\x00", "dêmo", "demo#x", "demo*"],
    ids=ascii,
)
def test_a_malformed_merchant_name(function: str, name: str, untouched_stack: Stack) -> None:
    assert "merchant" in refused(untouched_stack, function, path={"merchant": name})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_query_never_says_whose_token_is_meant(function: str, stack: Stack) -> None:
    """A caller's permission is held to the merchant in the path."""
    stack.merchant(provider_of(function), "victim")

    refused(stack, function, query={"merchant": "victim"})


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        (DELETE, "tokenId", "77"),
        (CREATE, "title", "From the query"),
        (CREATE, "idempotencyKey", "k"),
        (CHICKSX, "sessionId", "from-the-query"),
        (FOURTHWALL, "cacheControl", "no-cache"),
    ],
)
def test_a_field_of_another_place_is_not_taken_from_the_query(
    function: str, name: str, value: str, stack: Stack
) -> None:
    refused(stack, function, query={name: value}, raw_body="", headers={"Idempotency-Key": None})


@pytest.mark.parametrize(
    ("function", "field"),
    [(CREATE, {"merchant": "victim"}), (CREATE, {"idempotencyKey": "k"}), (CHICKSX, {"merchant": MERCHANT})],
)
def test_a_field_of_the_path_or_a_header_is_not_taken_from_the_body(
    function: str, field: dict[str, str], untouched_stack: Stack
) -> None:
    refused(untouched_stack, function, body={**GOOD_BODY[function], **field})


@pytest.mark.parametrize("function", BODIES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "title=Storefront",
        "{",
        "{'title': 'x'}",
        '{"title": "x"} trailing',
        '{"title": NaN}',
        "[" * 8000,
        '{"title":' * 500 + "1" + "}" * 500,
        '{"title": {"a": {"b": {"c": [[[[[[[[[[[[[1]]]]]]]]]]]]]}}}}',
        '{"title": "a", "title": "b"}',
        '{"sessionId": "a", "sessionId": "b"}',
        '{"title": "x", "sessionId": "y"}',
        '{"title": "\\ud83d", "sessionId": "\\ud83d"}',
        "\ufeff{}",
        "1" * 5000,
        json.dumps({"title": "x" * 1_000_000}),
    ],
    ids=lambda text: ascii(text[:24]),
)
def test_a_body_that_is_not_one_good_json_object(function: str, text: str, untouched_stack: Stack) -> None:
    detail = refused(untouched_stack, function, raw_body=text)

    assert "xxxx" not in detail


@pytest.mark.parametrize("function", BODIES)
@pytest.mark.parametrize("octets", [b"\xff\xfe{}", b'{"title": "\xc3"}', b"x" * 40_000])
def test_a_base64_body_that_is_not_utf8_or_too_large(function: str, octets: bytes, untouched_stack: Stack) -> None:
    refused(untouched_stack, function, raw_body=base64.b64encode(octets).decode(), base64=True)


def test_a_base64_body_that_is_not_base64(untouched_stack: Stack) -> None:
    refused(untouched_stack, CREATE, raw_body='{"title": "x"}', base64=True)


def test_a_base64_body_is_read(stack: Stack) -> None:
    text = base64.b64encode(json.dumps({"title": "Storefront"}).encode()).decode()

    assert stack.worker(CREATE).api(raw_body=text, base64=True).status == 201


@pytest.mark.parametrize(
    "title",
    [None, 7, True, [], {}, "", "   ", "\u2003\u00a0", "a\x00b", "a\nb", "a\x7f", "a\u2028b", "\ud800", "x" * 151],
    ids=ascii,
)
def test_a_title_that_is_none(title: Any, untouched_stack: Stack) -> None:
    assert "title" in refused(untouched_stack, CREATE, raw_body=json.dumps({"title": title})) or title == "\ud800"


@pytest.mark.parametrize(
    "title",
    [
        "x",
        "x" * 150,
        "\U0001f6cd\ufe0f Shop \U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\U0001d4b3" * 150,
        "\u0639\u0631\u0628\u0649",
        "  padded  ",
    ],
    ids=ascii,
)
def test_a_title_that_is_one(title: str, stack: Stack) -> None:
    answer = stack.worker(CREATE).api(body={"title": title})

    assert (answer.status, answer.body["title"]) == (201, title)


@pytest.mark.parametrize("session", [None, 7, ["s"], "", " ", "s\x00", "s\t1", "s" * 257], ids=ascii)
def test_a_session_id_that_is_none(session: Any, untouched_stack: Stack) -> None:
    assert "sessionId" in refused(untouched_stack, CHICKSX, body={"sessionId": session})


@pytest.mark.parametrize("session", ["s" * 256, "a#b", "session:1/2?x=1", "ünïcode-🛒", "'; DROP TABLE"], ids=ascii)
def test_a_session_id_that_is_one(session: str, stack: Stack) -> None:
    answer = stack.worker(CHICKSX).api(body={"sessionId": session})

    assert (answer.status, answer.body["subject"]) == (201, f"session:{session}")
    assert stack.worker(CHICKSX).api(body={"sessionId": session}).status == 200


@pytest.mark.parametrize(
    "scope", ["wallet.read", {"a": 1}, [1], [None], [""], ["a b"], ["é"], ["x" * 101], ["s"] * 51], ids=ascii
)
def test_a_scope_that_is_none(scope: Any, untouched_stack: Stack) -> None:
    assert "scope" in refused(untouched_stack, CHICKSX, body={"sessionId": "s", "scope": scope})


@pytest.mark.parametrize(
    "token_id",
    [
        "",
        "abc",
        "0",
        "-1",
        "1.5",
        "1e3",
        "0x10",
        "1" * 30,
        "1 ",
        "1\n",
        "1/2",
        "1%2F2",
        "..",
        "\uff11\uff12",
        "1\u0662",
        "gid://x/1",
    ],
    ids=ascii,
)
def test_a_token_id_that_is_no_number(token_id: str, untouched_stack: Stack) -> None:
    assert "tokenId" in refused(untouched_stack, DELETE, path={"tokenId": token_id})


@pytest.mark.parametrize(
    "query",
    [{"foreign": "yes"}, {"foreign": ""}, {"foreign": "TRUE"}, {"foreign": ["true", "true"]}, {"force": "true"}],
    ids=str,
)
def test_a_query_that_says_nothing_clear(query: dict[str, Any], untouched_stack: Stack) -> None:
    refused(untouched_stack, DELETE, query=query)


@pytest.mark.parametrize("key", [["a", "b"], "k" * 256, "a b", "kéy", "\x7f"], ids=ascii)
def test_an_idempotency_key_that_is_none(key: Any, untouched_stack: Stack) -> None:
    refused(untouched_stack, CREATE, headers={"Idempotency-Key": key})


def test_a_header_of_another_case_is_the_same_header(stack: Stack) -> None:
    first = stack.worker(CREATE).api(headers={"Idempotency-Key": None, "idempotency-key": "k"})
    again = stack.worker(CREATE).api(headers={"Idempotency-Key": "k"})

    assert first.body["tokenId"] == again.body["tokenId"]


@pytest.mark.parametrize("function", [CURRENT, LIST, DELETE, FOURTHWALL])
def test_a_body_where_none_is_taken(function: str, untouched_stack: Stack) -> None:
    refused(untouched_stack, function, body={"anything": 1})


@pytest.mark.parametrize("function", [*FUNCTIONS, *POLICY_FUNCTIONS])
@pytest.mark.parametrize(
    "identity", [{}, {"userArn": None, "accessKey": None}, {"userArn": ""}, {"userArn": 7}], ids=str
)
def test_nobody_is_let_in_without_an_identity(function: str, identity: dict[str, Any], untouched_stack: Stack) -> None:
    answer = untouched_stack.worker(function).api(identity=identity)

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert untouched_stack.items() == []


@pytest.mark.parametrize("function", [CREATE, FOURTHWALL])
@pytest.mark.parametrize(
    "event",
    [None, [], "demo", 7, {}, {"merchant": ["demo"]}, {"merchant": "demo", "extra": 1}, {"merchant": "Demo"}],
    ids=str,
)
def test_a_direct_invocation_raises_the_problem_of_the_api(function: str, event: Any, untouched_stack: Stack) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        untouched_stack.worker(function).invoke(event)

    problem = json.loads(str(refusal.value))
    assert (problem["code"], problem["status"]) == ("invalid_request", 400)
    assert untouched_stack.items() == []


def test_a_direct_invocation_names_an_error_by_its_class(untouched_stack: Stack) -> None:
    with pytest.raises(BrokerError) as refusal:
        untouched_stack.worker(CURRENT).invoke({"merchant": "nobody"})

    assert type(refusal.value).__name__ == "MerchantNotFound"
    assert refusal.value.__cause__ is None
