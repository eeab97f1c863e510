"""The trust policy routes return the stored document and reject a write that does not know the current revision."""

import json
from threading import Barrier, Lock, Thread
from typing import Any

import pytest

from tests.fakes.trust_policies import hs256, oidc, policy, sessions
from tests.integration.support.concurrency import OneByOne, Quiet
from tests.integration.support.functions import (
    DELETE_POLICY,
    GET_POLICY,
    POLICY_FUNCTIONS,
    PUT_POLICY,
    HttpResponse,
    cold_start,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import answer_lost, aws_error, refusing
from token_broker import wiring
from token_broker.clock import SystemClock
from token_broker.errors import PreconditionFailed, TrustPolicyNotFound

ONE, TWO = policy(), policy(origins=["https://two.example"])
FREE: dict[str, str | list[str] | None] = {"If-Match": None, "If-None-Match": None}


def put(stack: Stack, document: Any = ONE, *, merchant: str = MERCHANT, **headers: str) -> HttpResponse:
    return call(stack, PUT_POLICY, merchant, headers, body=document)


def get(stack: Stack, merchant: str = MERCHANT) -> HttpResponse:
    return call(stack, GET_POLICY, merchant, {})


def delete(stack: Stack, merchant: str = MERCHANT, **headers: str) -> HttpResponse:
    return call(stack, DELETE_POLICY, merchant, headers)


def call(stack: Stack, function: str, merchant: str, headers: dict[str, str], **changes: Any) -> HttpResponse:
    sent = FREE | {name.replace("_", "-"): value for name, value in headers.items()}
    return stack.worker(function).api(path={"merchant": merchant}, headers=sent, **changes)


def test_a_policy_is_put_shown_changed_and_deleted(stack: Stack) -> None:
    made = put(stack)
    assert (made.status, made.headers["ETag"], made.body) == (201, '"1"', ONE)
    assert (get(stack).body, get(stack).headers["ETag"]) == (ONE, '"1"')

    changed = put(stack, TWO, If_Match=made.headers["ETag"])
    assert (changed.status, changed.headers["ETag"], changed.body) == (200, '"2"', TWO)

    assert (delete(stack, If_Match='"2"').status, delete(stack, If_Match='"2"').body) == (200, {"deleted": False})
    assert (get(stack).status, get(stack).code) == (404, "trust_policy_not_found")

    again = put(stack)
    assert (again.status, again.headers["ETag"]) == (201, '"4"')


def test_a_change_is_seen_by_every_worker_at_once(stack: Stack) -> None:
    put(stack)
    get(stack)
    put(stack, TWO)

    assert get(stack).body == TWO
    stack.cold(GET_POLICY)
    assert get(stack).body == TWO


@pytest.mark.parametrize("header", ['"7"', 'W/"1"', '"abc"'])
def test_whoever_has_seen_something_else_changes_nothing(stack: Stack, header: str) -> None:
    put(stack)

    for answer in (put(stack, TWO, If_Match=header), delete(stack, If_Match=header)):
        assert (answer.status, answer.code) == (412, "precondition_failed")
    assert get(stack).body == ONE


def test_only_the_first_makes_one(stack: Stack) -> None:
    assert put(stack, If_None_Match="*").status == 201
    assert put(stack, TWO, If_None_Match="*").status == 412
    delete(stack)
    assert put(stack, TWO, If_None_Match="*").status == 201


def test_an_answer_is_for_the_caller_alone(stack: Stack) -> None:
    for answer in (put(stack), get(stack), delete(stack), get(stack)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_who_changed_it_is_kept_with_it(stack: Stack) -> None:
    put(stack)

    (item,) = [item for item in stack.items() if item["sk"] == "policy"]
    assert item["changedBy"] == "arn:aws:sts::123456789012:assumed-role/Operations/ann"


def test_merchants_do_not_meet(stack: Stack) -> None:
    put(stack, ONE)
    put(stack, TWO, merchant="other")
    delete(stack, "other")

    assert get(stack).body == ONE
    assert get(stack, "other").status == 404


def test_a_state_machine_uses_the_same_policies(stack: Stack) -> None:
    put_it, get_it, delete_it = (stack.worker(function).invoke for function in POLICY_FUNCTIONS)
    demo = {"merchant": MERCHANT}

    assert put_it({**demo, **ONE, "ifNoneMatch": "*"}) == {**ONE, "revision": 1}
    assert get(stack).body == ONE
    with pytest.raises(PreconditionFailed) as refused:
        put_it({**demo, **TWO, "ifMatch": '"7"'})
    assert json.loads(str(refused.value))["status"] == 412
    assert get_it(demo) == {**ONE, "revision": 1}
    assert delete_it({**demo, "ifMatch": '"1"'}) == {"deleted": True}
    with pytest.raises(TrustPolicyNotFound):
        get_it(demo)


@pytest.mark.parametrize(
    ("document", "member"),
    [
        (policy(origins=["https://*.example"]), "'origins[0]'"),
        (policy(sessions=sessions(oidc(jwksUri="http://169.254.169.254/latest/meta-data"))), "jwksUri'"),
        (policy(sessions=sessions(oidc(jwksUri="http://127.0.0.1:1/jwks.json"))), "jwksUri'"),
        (policy(sessions=sessions(hs256(key="canary-of-a-secret"))), "'sessions.proofs[0]'"),
        (policy(anonymous=["chicksx/public-tokens"]), "'anonymous[0]'"),
        ({"version": 1}, "'origins'"),
        (policy(canary="canary-of-a-secret"), "body"),
    ],
)
def test_a_document_that_is_no_policy_is_refused_and_not_quoted(stack: Stack, document: Any, member: str) -> None:
    answer = put(stack, document)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert member in answer.body["detail"]
    assert "canary" not in str(answer.body)
    assert stack.items() == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 1, "origins": [], "origins": ["https://a.example"]}', "x" * 20_000]
)
def test_a_body_that_is_not_one_good_json_object_is_refused(stack: Stack, text: str) -> None:
    answer = stack.worker(PUT_POLICY).api(raw_body=text, headers=FREE)

    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("function", POLICY_FUNCTIONS)
def test_neither_query_nor_a_malformed_name_says_whose_policy_is_meant(stack: Stack, function: str) -> None:
    put(stack, ONE, merchant="victim")
    body = {"body": ONE} if function == PUT_POLICY else {}

    for changes in (
        {"query": {"merchant": "victim"}},
        *({"path": {"merchant": name}} for name in ("victim/../demo", "VICTIM", "", "victim%2F", "victim#policy")),
    ):
        answer = stack.worker(function).api(headers=FREE, **changes, **body)  # type: ignore[arg-type]
        assert (answer.status, answer.code) == (400, "invalid_request")
    assert get(stack, "victim").headers["ETag"] == '"1"'


@pytest.mark.parametrize("function", POLICY_FUNCTIONS)
def test_a_table_that_does_not_answer_is_said(stack: Stack, function: str) -> None:
    with refusing(stack.dynamodb, "GetItem", "PutItem", error=lambda: aws_error("AccessDeniedException")):
        answer = call(stack, function, MERCHANT, {}, **({"body": ONE} if function == PUT_POLICY else {}))

    assert (answer.status, answer.code, answer.retry_after) == (503, "storage_unavailable", "1")
    assert "arn:" not in str(answer.body)


def test_a_change_whose_answer_was_lost_on_the_way_is_made_once(stack: Stack) -> None:
    stack.worker(PUT_POLICY)
    with answer_lost(stack.dynamodb, "PutItem") as outage:
        answer = put(stack, If_None_Match="*")

    assert (outage.struck, answer.status, answer.headers["ETag"]) == (1, 201, '"1"')


def test_of_ten_who_put_the_same_first_policy_one_creates_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """All by the same caller, in the same second."""
    answers = at_once(stack, monkeypatch, [ONE] * 10, {"If-None-Match": "*"})

    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert {answer.headers["ETag"] for answer in answers} == {'"1"'}


def test_of_ten_who_have_seen_the_same_one_changes_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    put(stack)
    documents = [policy(origins=[f"https://{number}.example"]) for number in range(10)]

    answers = at_once(stack, monkeypatch, documents, {"If-Match": '"1"'})

    assert sorted(answer.status for answer in answers) == [200] + [412] * 9
    (won,) = [answer for answer in answers if answer.status == 200]
    assert (get(stack).body, get(stack).headers["ETag"]) == (won.body, '"2"')


def test_ten_who_have_seen_nothing_are_all_counted_or_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [policy(origins=[f"https://{number}.example"]) for number in range(10)]

    answers = at_once(stack, monkeypatch, documents, {})

    done = [answer for answer in answers if answer.status in (200, 201)]
    assert {answer.status for answer in answers} <= {200, 201, 409}
    assert sorted(answer.headers["ETag"] for answer in done) == sorted(f'"{n}"' for n in range(1, len(done) + 1))
    assert [answer.status for answer in done].count(201) == 1


def at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, documents: list[Any], headers: dict[str, str]
) -> list[HttpResponse]:
    """Put each document through a cold worker at once and return the responses."""
    client = OneByOne(stack.dynamodb, Lock())
    monkeypatch.setattr(wiring, "client", lambda service: client)
    workers = [cold_start(PUT_POLICY, clock=SystemClock(), telemetry=Quiet()) for _ in documents]
    start = Barrier(len(documents))
    answers: list[HttpResponse] = []

    def change(number: int) -> None:
        start.wait(timeout=10)
        answers.append(workers[number].api(body=documents[number], headers=FREE | headers))

    threads = [Thread(target=change, args=(number,)) for number in range(len(documents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == len(documents)
    return answers
