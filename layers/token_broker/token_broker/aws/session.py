"""One botocore session for the process, made lean: see `docs/decisions/` for what was measured.

`boto3` adds a resource layer and loaders that nothing here uses, so the clients come from its core, botocore.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from botocore.loaders import Loader

#: Seconds, tries: a function has 25 s in all, and one call to DynamoDB answers within 20 ms.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
    max_pool_connections=4,
)

__all__ = ["BotoCoreError", "ClientError", "client", "error_code"]


class _Loader(Loader):
    """botocore's own data, but not all of it.

    Its table of every service's endpoints takes 30 ms to parse, and the search of 400 services' folders for those in
    use 10 ms. The table only says which partition a region is in: addresses and signing are each service's own rules.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  # each has what is asked for
        """The services that are used here."""
        return ["dynamodb", "events", "secretsmanager", "sqs"]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """One file's data, and where it is."""
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


def _whole(**event: Any) -> None:
    """botocore takes an answer that broke off for an empty one: an item that is not there, a secret without a value.

    After its own tries. Raises `IncompleteReadError`, a `BotoCoreError`.
    """
    answer = event["http_response"]
    declared, came = answer.headers.get("content-length"), len(answer.content)
    if declared is not None and int(declared) != came:
        raise IncompleteReadError(actual_bytes=came, expected_bytes=int(declared))


@cache
def _session() -> botocore.session.Session:
    # botocore's own handlers mend what is odd about other services; putting 127 of them up takes 10 ms of a cold start.
    session = botocore.session.Session(include_builtin_handlers=False)
    session.register_component("data_loader", _Loader())
    session.register("after-call", _whole)
    return session


@cache
def client(service: str) -> Any:
    """The client of one AWS service, made once; region, credentials and endpoint come from the environment."""
    return _session().create_client(service, config=CONFIG)


def error_code(error: Exception) -> str:
    """AWS's own code of a failure (`ConditionalCheckFailedException`), or the exception's name; never its message."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__
