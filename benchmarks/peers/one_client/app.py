"""Create one AWS client, the minimum of a function with an AWS SDK: the baseline for an authorizer's cold start."""

from typing import Any

import boto3

CLIENT = boto3.client("dynamodb")


def handler(_event: Any, _context: Any) -> dict[str, Any]:
    """Respond without a call."""
    return {"statusCode": 200, "body": CLIENT.meta.service_model.service_name}
