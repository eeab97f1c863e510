"""Build events as AWS sends them: API Gateway's (REST API, payload 1.0) and SQS's batches."""

import json
from collections.abc import Mapping
from typing import Any

CALLER = "arn:aws:sts::123456789012:assumed-role/backend/one"
#: The caller without the name of its session, as the log shows it.
PRINCIPAL = "arn:aws:sts::123456789012:assumed-role/backend"


class Context:
    """What Lambda tells a function of its invocation."""

    function_name = "ShopifyFunction"
    aws_request_id = "lambda-request-1"

    def __init__(self, milliseconds: int = 25_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def api_event(
    *,
    path: Mapping[str, str | None] | None = None,
    query: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, list[str]] | None = None,
    body: Any = None,
    **changes: Any,
) -> dict[str, Any]:
    """Build a signed request. `body` is sent as JSON unless it is a string."""
    headers = headers or {}
    event: dict[str, Any] = {
        "resource": "/merchants/{merchant}/shopify/storefront-access-tokens",
        "path": "/merchants/acme/shopify/storefront-access-tokens",
        "httpMethod": "POST",
        "headers": {name: values[-1] for name, values in headers.items()} or None,
        "multiValueHeaders": dict(headers) or None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": dict(query) if query else None,
        "pathParameters": dict(path) if path is not None else None,
        "requestContext": {"requestId": "gateway-request-1", "identity": {"userArn": CALLER, "accessKey": "AKIA"}},
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }
    return {**event, **changes}


def storefront_event(
    *,
    operation: str = "shopify/storefront-access-token",
    method: str = "GET",
    merchant: str = "acme",
    authorizer: Any = None,
    route: str = "storefront",
    **changes: Any,
) -> dict[str, Any]:
    """Build a storefront's or client's request that its authorizer has admitted, with the authorizer's context."""
    event = api_event(
        path={"merchant": merchant},
        resource=f"/{route}/{{merchant}}/{operation}",
        httpMethod=method,
        **changes,
    )
    return {
        **event,
        "path": f"/{route}/{merchant}/{operation}",
        "requestContext": {
            "requestId": "gateway-request-1",
            "identity": {"userArn": None, "accessKey": None, "sourceIp": "192.0.2.1"},
            "authorizer": authorizer,
        },
    }


def authorizer_event(
    *,
    operation: str = "shopify/storefront-access-token",
    method: str = "GET",
    merchant: str = "acme",
    headers: Mapping[str, list[str]] | None = None,
    stage: str = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/v1",
    route: str = "storefront",
    **changes: Any,
) -> dict[str, Any]:
    """Build the gateway's event for a REQUEST authorizer, which has no body."""
    path = f"/{route}/{merchant}/{operation}"
    headers = headers or {}
    event: dict[str, Any] = {
        "type": "REQUEST",
        "methodArn": f"{stage}/{method}{path}",
        "resource": f"/{route}/{{merchant}}/{operation}",
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": dict(headers),
        "queryStringParameters": {},
        "multiValueQueryStringParameters": {},
        "pathParameters": {"merchant": merchant},
        "stageVariables": {},
        "requestContext": {"requestId": "gateway-request-1", "identity": {"sourceIp": "192.0.2.1"}},
    }
    return {**event, **changes}


def message(message_id: str, body: Any) -> dict[str, Any]:
    """One SQS message as Lambda hands it over. `body` is sent as JSON unless it is a string."""
    return {
        "messageId": message_id,
        "receiptHandle": "receipt",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
        "awsRegion": "us-east-1",
    }


def queue_event(*bodies: Any) -> dict[str, Any]:
    """Build a batch of messages, numbered from `message-1`."""
    return {"Records": [message(f"message-{number}", body) for number, body in enumerate(bodies, start=1)]}


def stream_record(
    number: int, pk: str = "outbox#shopify#acme", sk: str | None = None, *, kind: str = "INSERT"
) -> dict[str, Any]:
    """One change of the table as Lambda hands it over, of a new item of the outbox unless the keys say otherwise."""
    return {
        "eventID": f"id-{number}",
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_800_000_000,
            "Keys": {"pk": {"S": pk}, "sk": {"S": sk or f"event#{number}"}},
            "SequenceNumber": str(number),
            "SizeBytes": 90,
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/tokens/stream/now",
    }
