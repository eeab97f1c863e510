"""Every file of `events/` runs through its own handler."""

import json
from typing import Any

import pytest

from tests.integration.functions import CHICKSX, CREATE, DELETE, DOORS, FUNCTIONS, LIST, ROOT, provider_of, sample_event
from tests.integration.stack import MERCHANT, Stack
from token_broker.marks import marked, new_intent_id

STATUS = {CHICKSX: 201, CREATE: 201}
TOKEN_FIELDS = {
    "provider",
    "merchant",
    "tokenId",
    "accessToken",
    "tokenType",
    "scope",
    "issuedAt",
    "expiresAt",
    "subject",
    "use",
    "providerData",
}
BROKER_ID = "abcdefgh"
#: API Gateway's members of a REST proxy event, payload 1.0.
API_FIELDS = {
    "resource",
    "path",
    "httpMethod",
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "pathParameters",
    "stageVariables",
    "requestContext",
    "body",
    "isBase64Encoded",
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_both_events(function: str) -> None:
    files = sorted(path.name for path in (ROOT / "events" / function).iterdir())

    assert files == ["api.json", "direct.json"]


def test_every_event_has_its_function() -> None:
    assert sorted(path.parent.relative_to(ROOT / "events").as_posix() for path in ROOT.glob("events/*/*/api.json")) == (
        FUNCTIONS
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_api_event_is_whole(function: str) -> None:
    event = sample_event(function, "api")
    context = event["requestContext"]

    assert set(event) == API_FIELDS
    assert context["resourcePath"] == event["resource"]
    assert context["httpMethod"] == event["httpMethod"]
    assert event["path"] == event["resource"].format(**event["pathParameters"])
    assert context["path"] == f"/{context['stage']}{event['path']}"
    assert context["identity"]["userArn"].startswith("arn:aws:sts::")
    assert {name: [value] for name, value in event["headers"].items()} == event["multiValueHeaders"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_event_is_answered_with_the_right_status_and_shape(function: str, door: str, stack: Stack) -> None:
    _place_the_token_to_delete(stack)

    answer = stack.worker(function).invoke(sample_event(function, door))

    if door == "api":
        assert answer["statusCode"] == STATUS.get(function, 200)
        assert answer["headers"]["Content-Type"] == "application/json"
        assert answer["headers"]["Cache-Control"] == "no-store"
        answer = json.loads(answer["body"])
    _check_shape(function, answer)


def _place_the_token_to_delete(stack: Stack) -> None:
    """A token of this stack that has the id in the sample."""
    key = {"pk": {"S": "broker"}, "sk": {"S": "id"}}
    stack.dynamodb.put_item(TableName=stack.table, Item={**key, "brokerId": {"S": BROKER_ID}})
    token_id = sample_event(DELETE, "direct")["tokenId"]
    title = marked("Old storefront", BROKER_ID, new_intent_id())
    stack.control.plant_tokens(MERCHANT, id=int(token_id), title=title)


def _check_shape(function: str, answer: dict[str, Any]) -> None:
    if function == DELETE:
        assert answer == {"revocation": "confirmed"}
    elif function == LIST:
        assert set(answer) == {"tokens", "used", "limit"}
        assert (answer["used"], answer["limit"]) == (1, 100)
        (row,) = answer["tokens"]
        assert set(row) == TOKEN_FIELDS | {"title", "origin", "state", "fingerprint"}
        assert (row["origin"], row["state"], row["title"]) == ("broker", "standing", "Old storefront")
    else:
        assert set(answer) - {"title"} == TOKEN_FIELDS
        assert (answer["provider"], answer["merchant"]) == (provider_of(function), MERCHANT)
        assert answer["accessToken"]
        assert set(answer["use"]) <= {"in", "name", "url"}
