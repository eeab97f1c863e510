"""Keep merchants' expiring credentials in AWS Secrets Manager.

Each pair is a version of the secret `{prefix}/{provider}-session/{merchant}`, which only the broker writes. The token
table names the version, so that a restored table cannot bring back a used refresh token.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from token_broker.aws.secrets import UNREADABLE
from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.domain.credential_pair import CredentialPair
from token_broker.errors import BrokerError, InternalError, MerchantMisconfigured, StorageUnavailable
from token_broker.ports.secrets import StoredPair

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MISSING = "ResourceNotFoundException"
#: The members of the JSON object, by the fields of a pair.
_MEMBERS = {
    "access_token": "accessToken",
    "refresh_token": "refreshToken",
    "obtained_at": "obtainedAt",
    "access_ends_at": "accessExpiresAt",
    "refresh_ends_at": "refreshExpiresAt",
    "origin": "origin",
}


class SecretsManagerSessions:
    """Read and write the session secrets of one provider."""

    def __init__(self, make_client: Callable[[], Any], *, prefix: str, provider: str, key_arn: str = "") -> None:
        """Take the KMS key of new secrets. Without one, Secrets Manager uses AWS's own key."""
        self._make_client = make_client
        self._prefix = f"{prefix}/{provider}-session"
        self._key = {"KmsKeyId": key_arn} if key_arn else {}

    def read(self, merchant: str, version_id: str | None = None) -> StoredPair | None:
        """Read one version, or the newest one."""
        wanted = {} if version_id is None else {"VersionId": version_id}
        try:
            found = self._make_client().get_secret_value(SecretId=self._name(merchant), **wanted)
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
        else:
            return _stored(found)
        if code == _MISSING:
            return None
        raise self._failure(merchant, code)

    def write(self, merchant: str, pair: CredentialPair) -> str:
        """Store a version under a new id, which makes a repeated request harmless. The first pair makes the secret."""
        members = {member: getattr(pair, field) for field, member in _MEMBERS.items()}
        value = {"SecretString": json.dumps(members), "ClientRequestToken": str(uuid.uuid4())}
        client, name = self._make_client(), self._name(merchant)
        try:
            return _put_or_create(client, name, value, self._key)
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
        raise self._failure(merchant, code)

    def _name(self, merchant: str) -> str:
        return f"{self._prefix}/{merchant}"

    def _failure(self, merchant: str, code: str) -> BrokerError:
        causes = (f"Secrets Manager: {code}",)
        if code == "InvalidRequestException":
            # Without its pair, the merchant would have to authorize the app again.
            return MerchantMisconfigured(
                f"The secret {self._prefix.rpartition('/')[2]}/{merchant} is scheduled for deletion. Restore it.",
                causes=causes,
            )
        if code in UNREADABLE:
            detail = (
                "The session secret cannot be read or written with this function's role. Deploy the template again."
            )
            return InternalError(detail, causes=causes)
        detail = "The session secret could not be read or written. No token was returned. Try again."
        return StorageUnavailable(detail, causes=causes)


def _put_or_create(client: Any, name: str, value: Mapping[str, str], key: Mapping[str, str]) -> str:
    try:
        return str(client.put_secret_value(SecretId=name, **value)["VersionId"])
    except ClientError as error:
        if error_code(error) != _MISSING:
            raise
    description = "Expiring credentials, written by Token Broker. Do not change or copy them."
    try:
        return str(client.create_secret(Name=name, Description=description, **key, **value)["VersionId"])
    except ClientError as error:
        if error_code(error) != "ResourceExistsException":
            raise
    return str(client.put_secret_value(SecretId=name, **value)["VersionId"])  # another call has created it


def _stored(found: Mapping[str, Any]) -> StoredPair | None:
    """Return the pair of a response, or None if somebody else has written the secret."""
    try:
        members = json.loads(found.get("SecretString", ""))
        pair = CredentialPair(**{field: members.get(member) for field, member in _MEMBERS.items()})
    except (ValueError, AttributeError):
        return None
    texts, times = (pair.access_token, pair.refresh_token, pair.origin), (pair.obtained_at, pair.access_ends_at)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(time, int) for time in times):
        return None
    return StoredPair(found["VersionId"], pair)
