"""One botocore session for the process, made lean: see `docs/decisions/` for what was measured.

`boto3` adds a resource layer and loaders that nothing here uses, so the clients come from its core, botocore.
"""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: Seconds, tries: a function has 25 s in all, and one call to DynamoDB answers within 20 ms.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
    max_pool_connections=4,
)

__all__ = ["BotoCoreError", "ClientError", "client", "error_code"]


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """The client of one AWS service, made once; region, credentials and endpoint come from the environment."""
    return _session().create_client(service, config=CONFIG)


def error_code(error: Exception) -> str:
    """AWS's own code of a failure (`ConditionalCheckFailedException`), or the exception's name; never its message."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__
