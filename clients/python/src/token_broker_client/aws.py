"""Sign requests for AWS services with a botocore session's credentials and region."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from token_broker_client.errors import CredentialsUnavailable, RegionMissing

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

_REGION = re.compile(r"\.execute-api\.([a-z0-9-]+)\.")


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
        """Return the region. Raises `RegionMissing`."""
        in_address = _REGION.search(urlsplit(url).netloc)
        found = self._region or (in_address[1] if in_address else self.session.get_config_variable("region"))
        if not found:
            raise RegionMissing("No AWS region is configured. Set AWS_DEFAULT_REGION, or pass region=….")
        return str(found)

    def ca_bundle(self) -> str | None:
        """Return the file of certificates that AWS_CA_BUNDLE or the configuration names."""
        return self.session.get_config_variable("ca_bundle") or None

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
        return self.session.create_client(service, region_name=self.region(), **settings)

    def _frozen(self) -> Any:
        try:
            if self._credentials is None:
                self._credentials = self.session.get_credentials()
            if self._credentials is not None:
                return self._credentials.get_frozen_credentials()
        except BotoCoreError as failure:
            raise CredentialsUnavailable(
                f"The AWS credentials could not be loaded ({type(failure).__name__})."
            ) from None
        raise CredentialsUnavailable("There are no AWS credentials. Configure them as for the AWS CLI.")
