"""Read the description of a running local stack, and give clients of its API, its functions and its AWS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials

from token_broker_client import TokenBroker
from token_broker_client.api import ApiTransport
from token_broker_client.aws import Signer
from token_broker_client.connections import Connections
from token_broker_client.direct import DirectTransport

TIMEOUT_SECONDS = 40


@dataclass(frozen=True)
class Stack:
    """Hold the content of `stack.json`. `folder` is the folder with the file, and `connections` reach the API."""

    described: Mapping[str, Any]
    folder: Path
    connections: type[Connections] = Connections

    @classmethod
    def read(cls, folder: Path, connections: type[Connections] = Connections) -> "Stack":
        """Read the description of a running stack.

        Raises `FileNotFoundError` if no stack is up.
        """
        return cls(json.loads((folder / "stack.json").read_text()), folder, connections)

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

    def broker(self, credentials: Credentials | None = None, *, attempts: int = 1) -> TokenBroker:
        """Return a client of the API with these credentials, or with the administrator's.

        It repeats no call unless there are more attempts, so that each failure shows.
        """
        return TokenBroker(self.api_transport(credentials), timeout=TIMEOUT_SECONDS, attempts=attempts)

    def direct_broker(self, *, attempts: int = 1) -> TokenBroker:
        """Return a client that invokes the functions as the administrator."""
        return TokenBroker(self.direct_transport(), timeout=TIMEOUT_SECONDS, attempts=attempts)

    def api_transport(self, credentials: Credentials | None = None) -> ApiTransport:
        """Return what sends a client's calls to the API."""
        sign = partial(self._signer(credentials).signed, "execute-api")
        return ApiTransport(self.api_url, sign, self.connections())

    def direct_transport(self) -> DirectTransport:
        """Return what sends a client's calls to the functions."""
        return DirectTransport(self.described["functions"], self._signer(), self.described["endpointUrl"])

    def _signer(self, credentials: Credentials | None = None) -> Signer:
        session = botocore.session.Session()
        used = credentials or self.credentials()
        session.set_credentials(used.access_key, used.secret_key, used.token)
        return Signer(session, self.described["region"])
