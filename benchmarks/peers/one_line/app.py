"""Write one Powertools log line and one metric: the baseline for warm calls, and for what Powertools loads."""

from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

logger = Logger(utc=True)
metrics = EphemeralMetrics()


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer without doing anything."""
    metrics.add_metric(name="Answered", unit="Count", value=1)
    logger.info("answered", extra={"merchant": event["pathParameters"]["merchant"]})
    return {"statusCode": 200, "body": "{}"}
