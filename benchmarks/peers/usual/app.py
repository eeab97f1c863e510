"""Serve the shop's current token as most teams would: the baseline for our handlers.

It imports boto3's resource layer, requests, and Powertools' Logger, Tracer, Metrics and REST resolver with pydantic's
validation, all at the top. It does the minimum of our own function: one consistent read of the same item, one log line,
one metric and the same response. It calls no provider and no Secrets Manager.
"""

import os
from typing import Annotated, Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict  # type: ignore[import-not-found, unused-ignore]  # not where types are checked
from pydantic.alias_generators import to_camel  # type: ignore[import-not-found, unused-ignore]

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayRestResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TOKEN_TABLE"])
session = requests.Session()


class Use(BaseModel):  # type: ignore[misc, unused-ignore]
    """Say how a frontend sends the token."""

    name: str
    url: str | None = None


class StorefrontToken(BaseModel):  # type: ignore[misc, unused-ignore]
    """Represent the response."""

    model_config = ConfigDict(alias_generator=to_camel)

    provider: str
    merchant: str
    token_id: str
    access_token: str
    token_type: str
    scope: list[str]
    issued_at: int
    expires_at: int | None
    subject: str
    title: str | None
    use: Use
    provider_data: dict[str, Any]


@app.get("/merchants/<merchant>/shopify/storefront-access-token")
@tracer.capture_method
def current_token(
    merchant: Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,62}$", description="The merchant")],
) -> StorefrontToken:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-token."""
    key = {"pk": f"shopify#{merchant}", "sk": "subject#shop"}
    current: Any = table.get_item(Key=key, ConsistentRead=True).get("Item", {}).get("current")
    if current is None:
        raise NotFoundError("There is no current token.")
    metrics.add_metric(name="TokensServedFromStore", unit=MetricUnit.Count, value=1)
    logger.info("answered", extra={"merchant": merchant})
    return StorefrontToken.model_validate({"expiresAt": None, "title": None, **current, "scope": current["scopes"]})


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a Lambda event."""
    return app.resolve(event, context)
