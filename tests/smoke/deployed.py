"""Find a deployed stack with boto3's default credentials."""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

#: Seconds for one call to the API, and the bounds of one to AWS. No check may wait without an end.
_SECONDS = 40
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})
_MERCHANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class CannotStartError(Exception):
    """Report why no check can run. The text is one sentence that helps."""


@dataclass(frozen=True)
class Deployed:
    """Hold a stack as CloudFormation describes it. `resources` has the physical names by type and logical name."""

    name: str
    region: str
    merchant: str
    status: str
    protected: bool
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    resources: Mapping[str, Mapping[str, str]]
    session: boto3.Session
    api_url: str

    def client(self, service: str) -> Any:
        """Return a client with bounded waits."""
        return _client(self.session, service)

    @property
    def credentials(self) -> Credentials:
        """Return the operator's credentials as they are now."""
        current: Any = self.session.get_credentials()
        frozen = current.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    @property
    def is_local(self) -> bool:
        """Return whether this is an emulated AWS, which cannot show everything."""
        host = urlsplit(self.client("cloudformation").meta.endpoint_url).hostname or ""
        return "amazonaws.com" not in host

    def of(self, kind: str) -> Mapping[str, str]:
        """Return the physical names of all resources of a type, by their logical names."""
        return self.resources.get(kind, {})

    def function(self, logical: str) -> str:
        """Return the name of a function."""
        return self.of("AWS::Lambda::Function")[f"{logical}Function"]

    def unsigned(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> requests.Response:
        """Call the API as a stranger or a page does."""
        with requests.Session() as session:
            # Calls between two loopback ports need no proxy. A call to AWS may need one.
            session.trust_env = self.api_url.startswith("https:")
            return session.request(
                method, self.api_url + path, headers=headers, data=body, timeout=_SECONDS, allow_redirects=False
            )

    def signed(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
    ) -> requests.Response:
        """Call the API with these credentials, or with the operator's. A body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {} if data is None else {"Content-Type": "application/json"}
        request = AWSRequest(method, self.api_url + path, headers={**kind, **(headers or {})}, data=data)
        SigV4Auth(credentials or self.credentials, "execute-api", self.region).add_auth(request)
        return self.unsigned(method, path, dict(request.headers.items()), data)


def find(name: str, region: str, merchant: str, api_url: str) -> Deployed:
    """Read the stack's description. An empty Region means that of the environment, an empty URL the stack's output.

    Raises `CannotStartError`.
    """
    if not name:
        raise CannotStartError("Name the stack, such as STACK=token-broker-staging.")
    if not _MERCHANT.fullmatch(merchant):
        raise CannotStartError("Name a merchant of the stack for tests, such as MERCHANT=demo.")
    try:
        session = boto3.Session(region_name=region or None)
        if not session.region_name:
            raise CannotStartError("Name the Region, such as REGION=eu-central-1.")
        if session.get_credentials() is None:
            raise CannotStartError("There are no AWS credentials: sign in, or set AWS_PROFILE.")
        return _described(session, name, merchant, api_url)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ValidationError":
            raise CannotStartError(f"This account has no stack {name} in this Region.") from None
        raise CannotStartError(f"AWS refused {error.operation_name} with {code}.") from None
    except BotoCoreError as error:
        raise CannotStartError(f"AWS could not be asked: {error}") from None


def _described(session: boto3.Session, name: str, merchant: str, api_url: str) -> Deployed:
    cloudformation = _client(session, "cloudformation")
    (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    resources: dict[str, dict[str, str]] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
        for each in page["StackResourceSummaries"]:
            by_name = resources.setdefault(each["ResourceType"], {})
            by_name[each["LogicalResourceId"]] = each.get("PhysicalResourceId", "")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    if "ApiUrl" not in outputs:
        raise CannotStartError(f"The stack {name} has no output ApiUrl, so it is no Token Broker, or not ready.")
    region = str(session.region_name)
    return Deployed(
        name=name,
        region=region,
        merchant=merchant,
        status=found["StackStatus"],
        protected=found.get("EnableTerminationProtection", False),
        outputs=outputs,
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        resources=resources,
        session=session,
        api_url=api_url or outputs["ApiUrl"],
    )


@functools.cache
def _client(session: boto3.Session, service: str) -> Any:
    make: Any = session.client  # its stubs want a literal service name
    return make(service, config=_CONFIG)
