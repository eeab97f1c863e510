"""Every file of `events/` runs through its own handler."""

import ast
import hashlib
import json
import re
import time
from typing import Any

import pytest

from tests.fakes.events import api_event, message, stream_record
from tests.fakes.samples import token
from tests.fakes.trust_policies import policy
from tests.integration.support.functions import (
    ALLOW_PREVIEW,
    AUTHORIZERS,
    CHICKSX,
    CLOCKWORK,
    CLOSE,
    CREATE,
    DELETE,
    DELETE_POLICY,
    DISPATCH,
    ENTRY_POINTS,
    EVERY_FUNCTION,
    FOR_STOREFRONTS,
    GET_POLICY,
    GET_RECORD,
    GET_ROTATION_SETTINGS,
    LIST,
    LIST_PREVIEWS,
    MAINTAIN,
    MIGRATE,
    PREVIEW_FUNCTIONS,
    PROOF_AUTHORIZER,
    PUBLISH,
    PUT_POLICY,
    PUT_ROTATION_SETTINGS,
    RECONCILE,
    REMOVE_PREVIEW,
    ROOT,
    ROTATE,
    ROTATIONS,
    provider_of,
    sample_event,
)
from tests.integration.support.gateway import AUTHORIZER, authorizer_request
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.aws.store.outbox_items import key_of
from token_broker.domain.grant import Grant
from token_broker.domain.ownership_tag import new_intent_id, tag_title

STATUS = {CHICKSX: 201, CREATE: 201, PUT_POLICY: 201, ALLOW_PREVIEW: 201, ROTATE: 202}
TOKEN_FIELDS = set(token().as_json()) - {"title"}
BROKER_ID = "abcdefgh"
#: What is in the answers of the functions that do not answer with a token.
MEMBERS: dict[str, dict[str, Any]] = {
    **{each: {"rotation": "unsupported", "changed": False} for each in ROTATIONS},
    ROTATE: {"state": "done", "compromised": False},
    CLOSE: {"sessionId": "session-456def", "closed": True, "orderId": "order-1001"},
    DELETE: {"revocation": "confirmed"},
    LIST: {"used": 1, "limit": 100},
    GET_RECORD: {"state": "revoked", "accessToken": None},
    RECONCILE: {"used": 1, "limit": 100, "headroom": 99},
    MIGRATE: {"merchant": MERCHANT, "shop": "demo.myshopify.com", "state": "done", "reversible": False},
    GET_ROTATION_SETTINGS: {"maxAgeDays": None, "overlapDays": 7, "paused": False},
    PUT_ROTATION_SETTINGS: json.loads(sample_event(PUT_ROTATION_SETTINGS, "api")["body"]),
    GET_POLICY: policy(),
    PUT_POLICY: json.loads(sample_event(PUT_POLICY, "api")["body"]),
    DELETE_POLICY: {"deleted": True},
    ALLOW_PREVIEW: {"origin": sample_event(ALLOW_PREVIEW, "direct")["origin"]},
    LIST_PREVIEWS: {"previewOrigins": []},
    REMOVE_PREVIEW: {"deleted": True},
}
SAMPLES = [(function, entry_point) for function in EVERY_FUNCTION for entry_point in ENTRY_POINTS[function]]


@pytest.mark.parametrize("function", EVERY_FUNCTION)
def test_every_function_has_an_event_for_each_entry_point_that_it_declares(function: str) -> None:
    files = {path.name for path in (ROOT / "events" / function).iterdir()}
    code = ast.parse((ROOT / "functions" / function / "app.py").read_text())
    keywords = [each for each in ast.walk(code) if isinstance(each, ast.keyword) and each.arg == "events"]
    declared = ast.literal_eval(keywords[0].value) if keywords else ("authorizer",)

    assert files == {f"{entry_point}.json" for entry_point in declared}


def test_every_event_has_its_function() -> None:
    folders = {path.parent.relative_to(ROOT / "events").as_posix() for path in ROOT.glob("events/*/*/*.json")}

    assert sorted(folders) == EVERY_FUNCTION


@pytest.mark.parametrize(
    ("function", "entry_point"),
    [(function, entry_point) for function, entry_point in SAMPLES if entry_point in ("api", "storefront", "client")],
)
def test_a_gateways_event_is_whole(function: str, entry_point: str) -> None:
    event = sample_event(function, entry_point)
    context, identity = event["requestContext"], event["requestContext"]["identity"]

    assert set(event) == {*api_event(), "stageVariables"}
    assert context["resourcePath"] == event["resource"]
    assert context["httpMethod"] == event["httpMethod"]
    assert event["path"] == event["resource"].format(**event["pathParameters"])
    assert context["path"] == f"/{context['stage']}{event['path']}"
    assert {name: [value] for name, value in event["headers"].items()} == event["multiValueHeaders"]
    if entry_point == "api":
        assert identity["userArn"].startswith("arn:aws:sts::")
        assert "authorizer" not in context
    else:
        assert {name for name, value in identity.items() if value is not None} == {"sourceIp", "userAgent"}
        assert context["authorizer"]["principalId"] == "storefront"


@pytest.mark.parametrize("function", [function for function, entry_point in SAMPLES if entry_point == "queue"])
def test_a_queues_event_is_whole(function: str) -> None:
    event = sample_event(function, "queue")

    assert set(event) == {"Records"}
    assert len({record["messageId"] for record in event["Records"]}) == len(event["Records"])
    for record in event["Records"]:
        assert set(record) == {*message("m-1", {}), "md5OfBody"}
        assert record["eventSourceARN"].startswith("arn:aws:sqs:us-east-1:123456789012:token-broker-")
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()


def test_a_streams_event_is_whole_and_has_keys_alone() -> None:
    event = sample_event(PUBLISH, "stream")

    assert set(event) == {"Records"}
    for record in event["Records"]:
        usual = stream_record(1)
        assert (set(record), set(record["dynamodb"])) == (set(usual), set(usual["dynamodb"]))
        assert record["dynamodb"]["StreamViewType"] == "KEYS_ONLY"
        assert record["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/token-broker-")


@pytest.mark.parametrize("function", AUTHORIZERS)
def test_an_authorizers_event_is_what_the_gateway_asks_about_a_storefronts(function: str) -> None:
    asked = sample_event(function, "authorizer")
    (event,) = [
        event
        for event in (sample_event(each, "storefront") for each in FOR_STOREFRONTS if AUTHORIZER[each] == function)
        if event["resource"] == asked["resource"]
    ]
    del event["requestContext"]["authorizer"]

    assert asked == authorizer_request(event)


@pytest.fixture
def at_the_time(stack: Stack) -> Stack:
    """Return the stack at the time when the sample events were sent."""
    sent = sample_event(PROOF_AUTHORIZER, "authorizer")["requestContext"]["requestTimeEpoch"] / 1000
    stack.clock.offset = sent - time.time()
    return stack


@pytest.mark.parametrize(
    ("function", "entry_point"),
    [
        (each, entry_point)
        for each, entry_point in SAMPLES
        if each not in (*AUTHORIZERS, *CLOCKWORK) and entry_point != "queue"
    ],
)
def test_an_event_is_answered_with_the_right_status_and_shape(
    function: str, entry_point: str, at_the_time: Stack
) -> None:
    stack = at_the_time
    _place_the_token_to_delete(stack)
    if function in (GET_POLICY, DELETE_POLICY, *PREVIEW_FUNCTIONS):
        stack.trust(policy())
    if function == REMOVE_PREVIEW:
        stack.worker(ALLOW_PREVIEW).invoke(sample_event(ALLOW_PREVIEW, "direct"))
    if function == MIGRATE:
        stack.app_merchant(permanent=True)
    if function == GET_RECORD:
        stack.worker(DELETE).invoke(sample_event(DELETE, "direct"))

    answer = stack.worker(function).invoke(sample_event(function, entry_point))

    if entry_point != "direct":
        assert answer["statusCode"] == STATUS.get(function, 200)
        headers = answer["headers"]
        assert headers["Content-Type"] == "application/json"
        kept = {"storefront": "public, max-age=30", "client": "private, max-age=30"}
        assert headers["Cache-Control"] == ("no-store" if function == CHICKSX else kept.get(entry_point, "no-store"))
        assert headers.get("Access-Control-Allow-Origin") == (
            "https://shop.example" if entry_point == "storefront" else None
        )
        answer = json.loads(answer["body"])
    if function in MEMBERS:
        assert answer.items() >= MEMBERS[function].items()
    else:
        assert set(answer) - {"title"} == TOKEN_FIELDS
        assert (answer["provider"], answer["merchant"]) == (provider_of(function), MERCHANT)
        assert answer["accessToken"]


def test_the_sample_orders_close_their_sessions(stack: Stack) -> None:
    event = sample_event(CLOSE, "queue")

    assert stack.worker(CLOSE).invoke(event) == {"batchItemFailures": []}

    orders = [json.loads(record["body"]) for record in event["Records"]]
    assert {item["pk"]: item["orderId"] for item in stack.items()} == {
        f"chicksx#{order['merchant']}#session:{order['sessionId']}": order["orderId"] for order in orders
    }


def test_the_sample_order_is_the_same_through_every_entry_point() -> None:
    event = sample_event(CLOSE, "api")
    through_api = {**event["pathParameters"], **json.loads(event["body"])}

    first = json.loads(sample_event(CLOSE, "queue")["Records"][0]["body"])
    assert sample_event(CLOSE, "direct") == through_api == first
    assert through_api["sessionId"] != sample_event(CHICKSX, "direct")["sessionId"], "which would get no token any more"


def test_a_run_of_the_dispatcher_needs_no_input(stack: Stack) -> None:
    answer = stack.worker(DISPATCH).invoke(sample_event(DISPATCH, "direct"))

    assert answer == {"items": 0, "messages": 0, "refused": 0, "complete": True}


def test_work_on_what_is_not_due_any_more_is_done_at_once(stack: Stack) -> None:
    worker = stack.worker(MAINTAIN)

    assert worker.invoke(sample_event(MAINTAIN, "direct")) == {"done": 0, "putOff": 0, "left": 2}
    assert worker.invoke(sample_event(MAINTAIN, "queue")) == {"batchItemFailures": []}
    assert stack.asked(MAINTAIN) == []


def test_delivered_events_are_done_at_once_through_every_entry_point(stack: Stack) -> None:
    worker = stack.worker(PUBLISH)

    answer = worker.invoke(sample_event(PUBLISH, "direct"))
    assert answer == {"published": 0, "gone": 1, "putOff": 0, "failed": []}
    for entry_point in ("queue", "stream"):
        assert worker.invoke(sample_event(PUBLISH, entry_point)) == {"batchItemFailures": []}


def test_the_sample_events_are_the_same_through_every_entry_point() -> None:
    (message,) = sample_event(PUBLISH, "queue")["Records"]
    names = json.loads(message["body"])["events"]
    changed = [each["dynamodb"]["Keys"] for each in sample_event(PUBLISH, "stream")["Records"]]

    assert [key_of(name) for name in names] == [(each["pk"]["S"], each["sk"]["S"]) for each in changed]
    assert sample_event(PUBLISH, "direct")["events"] == names[:1]


@pytest.mark.parametrize("function", AUTHORIZERS)
def test_a_sample_question_is_answered_with_the_sample_context(function: str, at_the_time: Stack) -> None:
    at_the_time.trust(json.loads(sample_event(PUT_POLICY, "api")["body"]))
    at_the_time.proof_keys(**_key_of_the_readme())
    asked = sample_event(function, "authorizer")

    answer = at_the_time.worker(function).invoke(asked)

    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": asked["methodArn"]}
    ]
    (passed_on,) = [
        event["requestContext"]["authorizer"]
        for event in (sample_event(each, "storefront") for each in FOR_STOREFRONTS)
        if event["resource"] == asked["resource"]
    ]
    assert Grant.from_context(answer["context"]) == Grant.from_context(passed_on)


def test_the_sample_policy_is_the_same_through_both_entry_points() -> None:
    direct = sample_event(PUT_POLICY, "direct")
    document = json.loads(sample_event(PUT_POLICY, "api")["body"])

    assert {name: value for name, value in direct.items() if name in document} == document


def _key_of_the_readme() -> dict[str, str]:
    (found,) = re.findall(r'`\{"keys": (\{.*?\})\}`', (ROOT / "events/README.md").read_text())
    keys: dict[str, str] = json.loads(found)
    return keys


def _place_the_token_to_delete(stack: Stack) -> None:
    """Create a token of this stack that has the sample's id."""
    key = {"pk": {"S": "broker"}, "sk": {"S": "id"}}
    stack.dynamodb.put_item(TableName=stack.table, Item={**key, "brokerId": {"S": BROKER_ID}})
    token_id = sample_event(DELETE, "direct")["tokenId"]
    title = tag_title("Old storefront", BROKER_ID, new_intent_id())
    stack.control.plant_tokens(MERCHANT, id=int(token_id), title=title)
