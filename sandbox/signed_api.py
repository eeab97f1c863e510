"""Calls to a stack as its `stack.json` describes it: the API signed with SigV4, and functions invoked directly.

Used by the demo and by the end-to-end tests; a merchant's backend does the same (see README.md).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

TIMEOUT_SECONDS = 40


@dataclass(frozen=True)
class Stack:
    """What `.local/stack.json` says; `folder` is where it lies."""

    described: Mapping[str, Any]
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> "Stack":
        """Raises FileNotFoundError where no stack is up."""
        return cls(json.loads((folder / "stack.json").read_text()), folder)

    @property
    def api_url(self) -> str:
        return str(self.described["apiUrl"])

    @property
    def control_url(self) -> str | None:
        """The simulators' control address; None where the stack talks to other providers."""
        file = self.folder / "simulators.json"
        return str(json.loads(file.read_text())["control"]) if file.exists() else None

    def credentials(self) -> Credentials:
        """The local account's administrator."""
        pair = self.described["credentials"]
        return Credentials(pair["accessKeyId"], pair["secretAccessKey"])

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS."""
        pair = self.described["credentials"]
        make: Any = boto3.client  # its stubs want a literal service name
        return make(
            service,
            endpoint_url=self.described["endpointUrl"],
            region_name=self.described["region"],
            aws_access_key_id=pair["accessKeyId"],
            aws_secret_access_key=pair["secretAccessKey"],
            config=Config(read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 1}),
        )

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        signed: bool = True,
    ) -> requests.Response:
        """One API call. `body` is sent as JSON, or as it is where it is bytes."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = AWSRequest(method, self.api_url + path, headers=dict(headers or {}), data=data)
        if data is not None and "Content-Type" not in request.headers:
            request.headers["Content-Type"] = "application/json"
        if signed:
            SigV4Auth(credentials or self.credentials(), "execute-api", self.described["region"]).add_auth(request)
        with requests.Session() as session:
            session.trust_env = False  # the caller's proxy has no business between two loopback ports
            return session.request(
                method,
                self.api_url + path,
                headers=dict(request.headers.items()),
                data=data,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )

    def invoke(self, function: str, event: object) -> tuple[Any, str | None]:
        """Invoke a function by its folder (`chicksx/public_token`): its answer, and the error's name if it raised."""
        answer = self.client("lambda").invoke(
            FunctionName=self.described["functions"][function], Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        return payload, payload.get("errorType") if "FunctionError" in answer else None
