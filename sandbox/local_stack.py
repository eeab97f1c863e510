"""Call a stack as its `stack.json` describes it: sign API calls with SigV4, and invoke functions directly.

The demo and the end-to-end tests use this module. docs/how-to/call-from-a-backend.md has the same for a backend.
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
    """Hold the content of `stack.json`. `folder` is the folder with the file."""

    described: Mapping[str, Any]
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> "Stack":
        """Read the description of a running stack.

        Raises `FileNotFoundError` if no stack is up.
        """
        return cls(json.loads((folder / "stack.json").read_text()), folder)

    @property
    def api_url(self) -> str:
        return str(self.described["apiUrl"])

    @property
    def control_url(self) -> str | None:
        """Return the simulators' control address, or None if the stack uses other providers."""
        file = self.folder / "simulators.json"
        return str(json.loads(file.read_text())["control"]) if file.exists() else None

    def credentials(self) -> Credentials:
        """Return the credentials of the local account's administrator."""
        pair = self.described["credentials"]
        return Credentials(pair["accessKeyId"], pair["secretAccessKey"])

    def client(self, service: str) -> Any:
        """Return a boto3 client of the local AWS."""
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
        """Call the API once.

        `body` is sent as JSON. Bytes are sent unchanged.
        """
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = AWSRequest(method, self.api_url + path, headers=dict(headers or {}), data=data)
        if data is not None and "Content-Type" not in request.headers:
            request.headers["Content-Type"] = "application/json"
        if signed:
            SigV4Auth(credentials or self.credentials(), "execute-api", self.described["region"]).add_auth(request)
        with requests.Session() as session:
            # Calls between two loopback ports need no proxy. A call to AWS may need one.
            session.trust_env = self.api_url.startswith("https:")
            return session.request(
                method,
                self.api_url + path,
                headers=dict(request.headers.items()),
                data=data,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )

    def invoke(self, function: str, event: object) -> tuple[Any, str | None]:
        """Invoke a function by its folder, such as `chicksx/public_token`.

        Returns its result, and the error's name if it raised.
        """
        response = self.client("lambda").invoke(
            FunctionName=self.described["functions"][function], Payload=json.dumps(event).encode()
        )
        payload = json.loads(response["Payload"].read())
        return payload, payload.get("errorType") if "FunctionError" in response else None
