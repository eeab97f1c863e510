"""Sign requests for AWS services with a botocore session's credentials and region."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, InvalidRegionError

from token_broker_client.errors import (
    ConnectionFailed,
    CredentialsUnavailable,
    Forbidden,
    RegionMissing,
    StackNotFound,
    TokenBrokerError,
    Unauthenticated,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.session import Session

#: Parts of AWS's error names that say that the credentials are not accepted.
SIGNATURE_REFUSALS = (
    "ExpiredToken",
    "UnrecognizedClient",
    "InvalidSignature",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "InvalidClientToken",
)

#: Seconds and attempts to read a parameter or a secret.
_SECONDS, _ATTEMPTS = 5, 3

_REGION = re.compile(r"\.execute-api(?:-fips)?\.([a-z0-9-]+)\.")


class Signer:
    """Sign requests with the credentials of one session, which refreshes them.

    `session` is a session of botocore or boto3, or None for a new one. `region` is needed only if neither the session's
    configuration nor the address has one.
    """

    def __init__(self, session: Any = None, region: str | None = None) -> None:
        # A session of boto3 wraps one of botocore.
        self.session: Session = getattr(session, "_session", session) or botocore.session.Session()
        self._region = region
        self._credentials: Any = None

    def region(self, url: str = "") -> str:
        """Return the region. Raises `RegionMissing` or `CredentialsUnavailable`."""
        in_address = _REGION.search(urlsplit(url).netloc)
        found = self._region or (in_address[1] if in_address else self._configured("region"))
        if not found:
            raise RegionMissing("No AWS region is configured. Set AWS_DEFAULT_REGION, or pass region=….")
        return str(found)

    def ca_bundle(self) -> str | None:
        """Return the file of certificates that AWS_CA_BUNDLE or the configuration names.

        Raises `CredentialsUnavailable` if the configuration cannot be read.
        """
        return self._configured("ca_bundle") or None

    def signed(
        self, service: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> dict[str, str]:
        """Return the headers with a signature (AWS Signature Version 4).

        Raises `CredentialsUnavailable` or `RegionMissing`.
        """
        request = AWSRequest(method, url, headers=dict(headers), data=body)
        SigV4Auth(self._frozen(), service, self.region(url)).add_auth(request)
        return dict(request.headers.items())

    def client(self, service: str, **settings: Any) -> Any:
        """Return a botocore client. Raises `CredentialsUnavailable` or `RegionMissing`."""
        region = self.region()
        try:
            return self.session.create_client(service, region_name=region, **settings)
        except InvalidRegionError:
            raise RegionMissing("The configured AWS region is not a region's name.") from None
        except (BotoCoreError, ValueError) as failure:
            raise _unusable(failure) from None

    def read(self, service: str, operation: str, *, permission: str, **parameters: str) -> Mapping[str, Any]:
        """Return what an AWS service keeps under a name.

        Raises `StackNotFound` if there is nothing, `Forbidden`, `Unauthenticated`, `CredentialsUnavailable`,
        `RegionMissing` or `ConnectionFailed`.
        """
        self._frozen()
        settings = Config(
            connect_timeout=_SECONDS,
            read_timeout=_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        client = self.client(service, config=settings)
        try:
            answer: Mapping[str, Any] = getattr(client, operation)(**parameters)
        except ClientError as refusal:
            raise _refusal(refusal, permission, " ".join(parameters.values()), self.region()) from None
        except BotoCoreError as failure:
            raise ConnectionFailed(
                f"{permission.partition(':')[0]} did not answer ({type(failure).__name__}).", retryable=True
            ) from None
        finally:
            client.close()
        return answer

    def _configured(self, name: str) -> Any:
        try:
            return self.session.get_config_variable(name)
        except BotoCoreError as failure:
            raise _unusable(failure) from None

    def _frozen(self) -> Any:
        try:
            if self._credentials is None:
                self._credentials = self.session.get_credentials()
            found = self._credentials and self._credentials.get_frozen_credentials()
        except Exception as failure:  # noqa: BLE001  # a refresh can raise anything, also what a caller's function raises
            raise _unusable(failure) from None
        if not found:
            raise CredentialsUnavailable("There are no AWS credentials. Configure them as for the AWS CLI.")
        return found


def _unusable(failure: Exception) -> CredentialsUnavailable:
    # Its message can have what a credential process has printed.
    return CredentialsUnavailable(f"The AWS credentials or configuration cannot be used ({type(failure).__name__}).")


def _refusal(refusal: ClientError, permission: str, name: str, region: str) -> TokenBrokerError:
    code = str(refusal.response.get("Error", {}).get("Code", "an error"))
    details = refusal.response.get("ResponseMetadata", {})
    status = details.get("HTTPStatusCode", 500)
    about: dict[str, Any] = {"status": status, "request_id": details.get("RequestId")}
    if "NotFound" in code:
        return StackNotFound(f"There is no {name} in {region}. Check the name and the region.", **about)
    if "AccessDenied" in code:
        return Forbidden(f"The principal needs {permission} on {name}.", **about)
    if any(each in code for each in SIGNATURE_REFUSALS):
        return Unauthenticated(f"AWS does not accept the credentials ({code}).", **about)
    if "ValidationException" in code:
        return StackNotFound(f"AWS does not accept the name {name} ({code}).", **about)
    later = "Throttl" in code or status >= 500
    return ConnectionFailed(f"AWS answered {code} to {permission} on {name}.", retryable=later, **about)
