"""Provide one lean botocore session for the process.

Before a change, read `docs/decisions/0002-botocore-without-boto3s-resources.md`, which has the measurements.

The clients come from botocore, because boto3 adds a resource layer and loaders that nothing here uses.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from botocore.handlers import add_recursion_detection_header
from botocore.loaders import Loader

#: Timeouts in seconds. A function has 25 s in all, and DynamoDB responds within 20 ms.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
    max_pool_connections=4,
)

__all__ = ["BotoCoreError", "ClientError", "client", "error_code"]


class _Loader(Loader):
    """Load only the part of botocore's data that is needed.

    The table of all services' endpoints takes 30 ms to parse. The search through 400 services' folders takes 10 ms. The
    table only tells the region's partition, because addresses and signing follow each service's own rules.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  # each service has every type
        """Return the services that are used here."""
        return ["dynamodb", "events", "secretsmanager", "sqs"]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return one file's data and its path."""
        data, path = super().load_data_with_path("partitions" if name == "endpoints" else name)
        if name == "endpoints":
            data = {"version": 3, "partitions": [_partition(each) for each in data["partitions"]]}
        return data, path


def _partition(each: Mapping[str, Any]) -> dict[str, Any]:
    plain, dual = each["outputs"]["dnsSuffix"], each["outputs"]["dualStackDnsSuffix"]
    name, fips = "{service}.{region}.{dnsSuffix}", "{service}-fips.{region}.{dnsSuffix}"
    variants = [
        {"tags": ["fips"], "hostname": fips, "dnsSuffix": plain},
        {"tags": ["dualstack"], "hostname": name, "dnsSuffix": dual},
        {"tags": ["dualstack", "fips"], "hostname": fips, "dnsSuffix": dual},
    ]
    return {
        "partition": each["id"],
        "dnsSuffix": plain,
        "regionRegex": each["regionRegex"],
        "regions": each["regions"],
        "defaults": {"hostname": name, "protocols": ["https"], "signatureVersions": ["v4"], "variants": variants},
        "services": {},
    }


class UnusableResponse(BotoCoreError):
    """Report a response with status 200 that is no JSON object."""

    fmt = "The response is no JSON object."


def _reject_incomplete(**event: Any) -> None:
    """Raise a `BotoCoreError` if a response is shorter than declared, or if its body is no JSON object.

    botocore takes both for an empty response, for example a missing item, which would be minted. This runs after
    botocore's own retries.
    """
    response = event["http_response"]
    declared, received = response.headers.get("content-length"), len(response.content)
    if declared is not None and int(declared) != received:
        raise IncompleteReadError(actual_bytes=received, expected_bytes=int(declared))
    has_body = response.status_code == 200 and event["model"].output_shape is not None
    if has_body and not response.content.startswith(b"{"):
        raise UnusableResponse


@cache
def _session() -> botocore.session.Session:
    # botocore's 127 own handlers fix the quirks of other services, and their registration takes 10 ms of a cold start.
    session = botocore.session.Session(include_builtin_handlers=False)
    session.register_component("data_loader", _Loader())
    # Without this header, a trace ends here, and Lambda does not detect recursive loops.
    session.register("before-call", add_recursion_detection_header)  # type: ignore[arg-type]  # botocore's own
    session.register("after-call", _reject_incomplete)
    return session


@cache
def client(service: str) -> Any:
    """Return the process's client of one AWS service.

    Region, credentials and endpoint come from the environment.
    """
    return _session().create_client(service, config=CONFIG)


def error_code(error: Exception) -> str:
    """Return AWS's code of an error (`ConditionalCheckFailedException`) or the exception's name, never its message."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__
