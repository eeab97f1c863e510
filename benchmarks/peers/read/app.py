"""Read the usual handler's item as our functions do, and do nothing else."""

from typing import Any

from token_broker.aws.store.table import Table
from token_broker.wiring import Container

TABLE = Container[Table]("benchmark", lambda parts: parts.table).service


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Read the item."""
    found = TABLE.get((f"shopify#{event['pathParameters']['merchant']}", "subject#shop"))
    return {"statusCode": 200 if found else 404}
