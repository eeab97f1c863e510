"""The provider refusing, failing, throttling or lying: the right problem document, and table and provider agree."""

import json
import time
from typing import Any

import pytest

from tests.integration.support.functions import (
    CHICKSX,
    CREATE,
    CURRENT,
    DELETE,
    FOURTHWALL,
    LIST,
    HttpResponse,
    provider_of,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.aws.store.leases import IN_FLIGHT_GRACE

#: What each function asks of its provider first. Deleting begins with a look at the list, where there is no record.
ASKING = [FOURTHWALL, CHICKSX, CURRENT, CREATE, LIST, DELETE]
MINTING = [FOURTHWALL, CHICKSX, CURRENT, CREATE]
TOKEN_OF_A_MEGABYTE = "t" * 1_000_000


def fail(stack: Stack, function: str, kind: str, times: int = 10, **parameters: Any) -> None:
    stack.control.fault(provider_of(function), kind, times=times, **parameters)


def ask(stack: Stack, function: str, **more: Any) -> HttpResponse:
    answer = stack.worker(function).api(**more)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body["status"] == answer.status
    assert answer.body["requestId"]
    assert answer.body["type"] == f"urn:token-broker:problem:{answer.code}"
    stack.control.forget_faults()
    return answer


STATUSES = {
    400: ("provider_error", 502, False),
    401: ("provider_rejected_credentials", 502, False),
    404: ("provider_error", 502, False),
    422: ("provider_error", 502, False),
    429: ("provider_throttled", 503, True),
    500: ("provider_unavailable", 504, True),
    502: ("provider_unavailable", 504, True),
    503: ("provider_unavailable", 504, True),
    302: ("provider_error", 502, False),
}


@pytest.mark.parametrize(
    ("function", "status"),
    [
        *((CREATE, each) for each in STATUSES),
        *((each, some) for each in ASKING for some in (401, 503) if each != CREATE),
    ],
)
def test_a_status_of_the_provider(function: str, status: int, stack: Stack) -> None:
    code, problem, retryable = STATUSES[status]
    fail(stack, function, "status", status=status, body={"message": "No.", "errors": "No."})

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (problem, code, retryable)
    assert answer.body["provider"]["status"] == status
    assert (answer.retry_after == "1") is retryable


@pytest.mark.parametrize("status", [402, 423])
@pytest.mark.parametrize("function", [CURRENT, CREATE, LIST, DELETE])
def test_a_shop_that_is_not_available(function: str, status: int, stack: Stack) -> None:
    shop_status = {402: "payment_required", 423: "locked"}[status]
    stack.merchant("shopify", shopStatus=shop_status)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (503, "shop_unavailable", False)
    assert answer.body["provider"]["status"] == status


@pytest.mark.parametrize("function", [CURRENT, CREATE])
@pytest.mark.parametrize("text", ["extendable", "eligible", "empty"])
def test_an_app_that_may_not_create(function: str, text: str, stack: Stack) -> None:
    stack.merchant("shopify", accessScopes=["read_products"], ineligibleAnswer=text)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (409, "app_not_eligible", False)
    for scope in ("read_product_listings", "read_collection_listings", "write_checkouts", "write_customers"):
        assert f"unauthenticated_{scope}" in answer.body["detail"]
    assert stack.mints("shopify") == 0


@pytest.mark.parametrize("function", [CURRENT, CREATE])
def test_the_hundred_and_first_token(function: str, stack: Stack) -> None:
    stack.control.plant_tokens(MERCHANT, count=100)

    answer = ask(stack, function)

    assert (answer.status, answer.code) == (409, "token_limit_reached")
    assert "revoke" in answer.body["detail"]
    assert answer.body["provider"]["message"] == "Api permission exceeds public access token limit of: 100"


@pytest.mark.parametrize("function", [FOURTHWALL, CHICKSX, CREATE])
def test_a_stated_wait_is_passed_on_in_whole_seconds(function: str, stack: Stack) -> None:
    fail(stack, function, "status", status=429, headers={"Retry-After": "2.2"})

    answer = ask(stack, function)

    assert (answer.code, answer.retry_after) == ("provider_throttled", "3")


def test_a_short_throttle_is_waited_out_where_asking_again_is_harmless(stack: Stack) -> None:
    stack.control.fault("shopify", "status", status=429, headers={"Retry-After": "2.0"})

    assert stack.worker(LIST).api().status == 200
    assert max(stack.clock.sleeps) >= 2.0


def test_a_throttled_create_is_not_repeated(stack: Stack) -> None:
    fail(stack, CREATE, "status", status=429, headers={"Retry-After": "2.0"}, method="POST")

    ask(stack, CREATE)

    assert [each["method"] for each in stack.asked("shopify")] == ["POST"]


@pytest.mark.parametrize(
    ("function", "kind"),
    [*((each, "refuse") for each in ASKING), *((CREATE, kind) for kind in ("drop_before_acting", "malformed"))],
)
def test_a_provider_that_is_down(function: str, kind: str, stack: Stack) -> None:
    fail(stack, function, kind)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (504, "provider_unavailable", True)
    assert answer.retry_after == "1"
    assert "provider" not in answer.body


@pytest.mark.parametrize(
    ("function", "kind"), [*((each, "hang") for each in ASKING), (CHICKSX, "act_then_hang"), (CREATE, "act_then_hang")]
)
def test_a_provider_that_is_slow(function: str, kind: str, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.http.client.READ_TIMEOUT", 0.08)
    fail(stack, function, kind, seconds=5)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (504, "provider_unavailable", True)
    stack.clock.offset += IN_FLIGHT_GRACE + 1  # it may be acting just now: the lease is kept so long


def test_what_may_still_be_under_way_is_not_asked_for_again_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_broker.http.client.READ_TIMEOUT", 0.08)
    monkeypatch.setattr("token_broker.tokens.issue.WAIT_FOR_OTHERS", 0.05)
    fail(stack, CREATE, "hang", seconds=1.5, late=True, method="POST", times=1)
    assert ask(stack, CREATE).code == "provider_unavailable"

    assert ask(stack, CREATE).code == "mint_in_progress"

    until = time.monotonic() + 10
    while stack.mints("shopify") == 0 and time.monotonic() < until:
        time.sleep(0.05)
    stack.clock.offset += IN_FLIGHT_GRACE + 1
    assert stack.worker(CREATE).api().status == 201
    assert stack.mints("shopify") == 1


@pytest.mark.parametrize("function", MINTING)
def test_a_call_with_no_time_left_asks_nobody(function: str, stack: Stack) -> None:
    answer = ask(stack, function, seconds=2.1)

    assert (answer.status, answer.code) == (504, "provider_unavailable")
    assert stack.asked(function) == []


@pytest.mark.parametrize("function", MINTING)
def test_the_next_call_after_an_outage_mints(function: str, stack: Stack) -> None:
    fail(stack, function, "drop_before_acting")
    ask(stack, function)

    assert stack.worker(function).api().status in (200, 201)
    assert stack.mints(provider_of(function)) == 1


#: Answers that are lies, with the fault that tells each; those of a Shopify list and delete are further down.
LIES: dict[str, dict[str, Any]] = {
    "html": {"kind": "garbage", "act": True},
    "no json": {"kind": "garbage", "act": True, "body": "{", "contentType": "application/json"},
    "empty": {"kind": "garbage", "act": True, "body": "", "contentType": "application/json"},
    "a list": {"kind": "garbage", "act": True, "body": "[]", "contentType": "application/json"},
    "deep": {"kind": "garbage", "act": True, "body": "[" * 100_000, "contentType": "application/json"},
    "other success": {"kind": "answer_override", "status": 202},
    "too large": {"kind": "huge", "bytes": 3_000_000, "act": True},
    "too large, in chunks": {"kind": "huge", "bytes": 3_000_000, "chunked": True, "act": True},
    "cut off": {"kind": "truncated"},
}


@pytest.mark.parametrize(
    ("function", "lie"),
    [(CHICKSX, lie) for lie in LIES] + [(each, "html") for each in (FOURTHWALL, CURRENT, CREATE)],
)
def test_a_success_that_is_none(function: str, lie: str, stack: Stack) -> None:
    """Shopify's list would give the lost token away, so it lies too."""
    fault = LIES[lie]
    fail(stack, function, **fault)

    answer = ask(stack, function)

    cut = lie == "cut off"
    assert (answer.status, answer.code) == ((504, "provider_unavailable") if cut else (502, "provider_error"))
    assert answer.body["retryable"] is cut
    assert len(json.dumps(answer.body)) < 2000


def patched(provider: str, name: str, value: Any) -> dict[str, Any]:
    path = {"shopify": ["storefront_access_token"], "chicksx": ["data"], "fourthwall": []}[provider]
    patch: dict[str, Any] = {name: value}
    for each in path:
        patch = {each: patch}
    return patch


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        *[(FOURTHWALL, "token", value) for value in (None, "", 7, ["t"], "a b", "tökén", "a\nb", TOKEN_OF_A_MEGABYTE)],
        *[
            (function, name, value)
            for function in (CREATE,)
            for name, value in (
                ("access_token", None),
                ("access_token", TOKEN_OF_A_MEGABYTE[:9000]),
                ("id", None),
                ("id", "gid://shopify/1"),
                ("id", -1),
                ("id", True),
                ("id", 10**30),
                ("access_scope", ["unauthenticated_read_product_listings"]),
            )
        ],
        *[
            (CHICKSX, name, value)
            for name, value in (
                ("accessToken", None),
                ("accessToken", TOKEN_OF_A_MEGABYTE[:9000]),
                ("expiresAt", 1),
                ("expiresAt", 1_900_000_000_000),
                ("expiresAt", "2030-01-01"),
                ("expiresAt", 1e12),
                ("expiresAt", True),
                ("expiresIn", "3600"),
                ("expiresIn", -5),
                ("expiresIn", 10**50),
                ("scope", "wallet.read"),
                ("scope", [1]),
                ("scope", ["s" * 100_000] * 5),
                ("jti", 7),
                ("jti", "j" * 1024),
                ("jti", "a\x00b"),
                ("tokenType", {"a": 1}),
            )
        ],
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_field_that_is_a_lie(function: str, name: str, value: Any, stack: Stack) -> None:
    provider = provider_of(function)
    method = "PUT" if provider == "fourthwall" else "POST"
    fail(stack, function, "answer_override", patch=patched(provider, name, value), method=method)
    if provider == "shopify":  # nor may the look-up of the lost answer find it
        stack.control.fault(provider, "status", status=500, method="GET", times=10)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (502, "provider_error", False)
    assert not [item for item in stack.items() if item["sk"].startswith("token#")]


@pytest.mark.parametrize("missing", ["data", "message", "code"])
def test_a_creation_without_its_parts(missing: str, stack: Stack) -> None:
    fail(stack, CHICKSX, "answer_override", patch={missing: None})

    answer = stack.worker(CHICKSX).api()

    assert answer.status == (502 if missing == "data" else 201)


def test_a_missing_expiry_is_reckoned_from_the_lifetime(stack: Stack) -> None:
    fail(stack, CHICKSX, "answer_override", patch=patched("chicksx", "expiresAt", None))

    answer = stack.worker(CHICKSX).api()

    assert answer.status == 201
    assert abs(answer.body["expiresAt"] - stack.clock.now() - 3600) < 10


def test_an_answer_with_no_end_at_all_is_refused(stack: Stack) -> None:
    fail(stack, CHICKSX, "answer_override", patch={"data": {"expiresAt": None, "expiresIn": None}})

    assert ask(stack, CHICKSX).code == "provider_error"


def test_an_id_that_is_already_anothers_loses_no_token(stack: Stack) -> None:
    first = stack.worker(CREATE).api(headers={"Idempotency-Key": None})
    lie = patched("shopify", "id", int(first.body["tokenId"]))
    fail(stack, CREATE, "answer_override", method="POST", patch=lie)

    answer = ask(stack, CREATE, headers={"Idempotency-Key": None})

    assert (answer.status, answer.code) == (502, "provider_error")
    assert stack.mints("shopify") == 2


@pytest.mark.parametrize("function", [LIST, DELETE])
@pytest.mark.parametrize(
    "patch",
    [
        {"storefront_access_tokens": None},
        {"storefront_access_tokens": {}},
        {"storefront_access_tokens": [7]},
        {"storefront_access_tokens": [{"id": "x"}]},
    ],
    ids=str,
)
def test_a_list_that_is_a_lie(function: str, patch: dict[str, Any], stack: Stack) -> None:
    fail(stack, function, "answer_override", method="GET", patch=patch)

    assert (ask(stack, function).code) == "provider_error"


@pytest.mark.parametrize("kind", ["empty", "object", "text"])
def test_every_way_to_answer_a_delete_is_a_success(kind: str, stack: Stack) -> None:
    stack.merchant("shopify", deleteAnswer=kind)
    made = stack.worker(CREATE).api()

    answer = stack.worker(DELETE).api(path={"tokenId": made.body["tokenId"]})

    assert (answer.status, answer.body) == (200, {"revocation": "confirmed"})


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("status", {"status": 503}),
        ("status", {"status": 429}),
        ("drop_before_acting", {}),
        ("refuse", {}),
    ],
)
def test_a_revocation_that_the_provider_did_not_confirm_is_pending_and_the_token_unserved(
    kind: str, parameters: dict[str, Any], stack: Stack
) -> None:
    current = stack.worker(CURRENT).api()
    token_id = current.body["tokenId"]
    stack.control.fault("shopify", kind, times=10, **parameters)

    answer = stack.worker(DELETE).api(path={"tokenId": token_id})
    stack.control.forget_faults()

    assert (answer.status, answer.body) == (202, {"revocation": "pending"})
    (record,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    assert (record["state"], "accessToken" in record, "due" in record) == ("revoking", False, True)
    assert stack.cold(CURRENT).api().body["tokenId"] != token_id
    again = stack.worker(DELETE).api(path={"tokenId": token_id})
    assert (again.status, again.body) == (200, {"revocation": "confirmed"})


def test_a_delete_that_happened_unseen_is_confirmed_by_asking_again(stack: Stack) -> None:
    made = stack.worker(CREATE).api()
    stack.control.fault("shopify", "act_then_drop", method="DELETE")

    answer = stack.worker(DELETE).api(path={"tokenId": made.body["tokenId"]})

    assert (answer.status, answer.body) == (200, {"revocation": "confirmed"})


def test_an_unset_address_is_not_configured(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHICKSX_BASE_URL", "")

    answer = ask(stack, CHICKSX)

    assert (answer.status, answer.code) == (503, "provider_not_configured")


@pytest.mark.parametrize("function", [FOURTHWALL, CHICKSX, CREATE])
def test_a_providers_words_are_repeated_without_what_looks_secret(function: str, stack: Stack) -> None:
    words = f"Bad key shpat_{'ab' * 16} for cx-api-key-of-demo\u0007 ptkn_secret {'word ' * 80}"
    fail(stack, function, "status", status=400, body={"code": "BAD", "message": words, "errors": [words]})

    answer = ask(stack, function)

    said = answer.body["provider"]["message"]
    assert len(said) <= 200
    assert said.isprintable()
    assert "shpat_" not in said
    assert "ptkn_" not in said
    if function == CHICKSX:
        assert "cx-api-key" not in said
