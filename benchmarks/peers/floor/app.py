"""Serve the shop's current token with as little as possible: the floor below our handlers.

It has Powertools' Logger and Metrics. The rest is the standard library. It reads the usual handler's item by one
signed, consistent read, over a connection that is made in INIT. It writes one log line and one metric, and gives the
usual handler's answer. It checks nothing, retries nothing and has no second provider, so it is no product.
"""

import hashlib
import hmac
import http.client
import json
import os
import time
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

REGION = os.environ["AWS_REGION"]
TABLE = os.environ["TOKEN_TABLE"]
HOST = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
SIGNED = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
READERS: dict[str, Any] = {"S": str, "N": int, "BOOL": bool, "NULL": lambda _: None}

logger = Logger(utc=True)
metrics = EphemeralMetrics()
connection = http.client.HTTPConnection(HOST, timeout=2)
connection.connect()


def signed(body: bytes) -> dict[str, str]:
    """Return the headers of a signed GetItem (AWS Signature Version 4)."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": HOST,
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "x-amz-target": "DynamoDB_20120810.GetItem",
    }
    listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{listed}\n{SIGNED}\n{hashlib.sha256(body).hexdigest()}"
    scope = (now[:8], REGION, "dynamodb", "aws4_request")
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{'/'.join(scope)}\n{hashlib.sha256(request.encode()).hexdigest()}"
    credential = f"Credential={os.environ['AWS_ACCESS_KEY_ID']}/{'/'.join(scope)}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={SIGNED}, Signature={signature}"
    return headers


def plain(value: dict[str, Any]) -> Any:
    """Return one of DynamoDB's values as a plain one."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {name: plain(each) for name, each in content.items()}
    return [plain(each) for each in content] if kind == "L" else READERS[kind](content)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-token."""
    merchant = event["pathParameters"]["merchant"]
    logger.append_keys(correlation_id=event["requestContext"]["requestId"], function_name=context.function_name)
    key = {"pk": {"S": f"shopify#{merchant}"}, "sk": {"S": "subject#shop"}}
    body = json.dumps({"TableName": TABLE, "Key": key, "ConsistentRead": True}).encode()
    connection.request("POST", "/", body, signed(body))
    found = plain(json.loads(connection.getresponse().read())["Item"]["current"])
    metrics.add_metric(name="TokensServedFromStore", unit="Count", value=1)
    logger.info("answered", extra={"merchant": merchant})
    metrics.flush_metrics()
    names = ("provider", "merchant", "tokenId", "accessToken", "tokenType")
    token = {
        **{name: found[name] for name in names},
        "scope": found["scopes"],
        "issuedAt": found["issuedAt"],
        "expiresAt": found.get("expiresAt"),
        "subject": found["subject"],
        "title": found.get("title"),
        "use": {"name": found["use"]["name"], "url": found["use"].get("url")},
        "providerData": found["providerData"],
    }
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(token)}
