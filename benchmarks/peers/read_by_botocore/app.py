"""Read the usual handler's item with botocore and its defaults, and do nothing else."""

import os
from typing import Any

import botocore.session

CLIENT: Any = botocore.session.get_session().create_client("dynamodb")
TABLE = os.environ["TOKEN_TABLE"]


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Read the item."""
    key = {"pk": {"S": f"shopify#{event['pathParameters']['merchant']}"}, "sk": {"S": "subject#shop"}}
    found = CLIENT.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    return {"statusCode": 200 if "Item" in found else 404}
