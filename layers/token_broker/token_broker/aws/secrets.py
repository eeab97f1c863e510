"""Read merchants' secrets from AWS Secrets Manager.

Each secret is a JSON object, named `{prefix}/{provider}/{merchant}`. If a secret is missing or scheduled for deletion,
its merchant does not exist. The secret that the merchants of one app share is named `{prefix}/{provider}-app/{app}`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from token_broker import strict_json
from token_broker.bounded_cache import BoundedCache
from token_broker.clock import Clock
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, StorageUnavailable

TTL_SECONDS = 300.0

#: The codes for a missing secret. `InvalidRequestException` means that the secret is scheduled for deletion.
_ABSENT = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
UNREADABLE = frozenset({"AccessDeniedException", "DecryptionFailure"})


class SecretsManager:
    """Read and cache the secrets of one provider.

    `make_client` is called at the first read, because most calls need no secret. The SDK is imported there, too.
    """

    def __init__(self, make_client: Callable[[], Any], *, prefix: str, provider: str, clock: Clock) -> None:
        self._make_client = make_client
        self._prefix = prefix
        self._provider = provider
        self._clock = clock
        self._cached = BoundedCache[str, Mapping[str, Any]](clock)

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the secret's JSON object, from Secrets Manager if `fresh` is set or the cache has none."""
        return self._read(f"{self._provider}/{merchant}", fresh=fresh)

    def read_app(self, app: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the JSON object of an app's secret."""
        name = f"{self._provider}-app/{app}"
        try:
            return self._read(name, fresh=fresh)
        except MerchantNotFound:
            raise MerchantMisconfigured(
                f"The merchant's secret refers to the app '{app}', and there is no secret {name}. Store one, or check "
                "the field 'app'."
            ) from None

    def _read(self, name: str, *, fresh: bool) -> Mapping[str, Any]:
        if fresh:
            self._cached.drop(name)
        secret = self._cached.get(name)
        if secret is not None:
            return secret
        secret = _parse(name, self._fetch(name))
        self._cached.put(name, secret, self._clock.monotonic() + TTL_SECONDS)
        return secret

    def _fetch(self, name: str) -> Mapping[str, Any]:
        from token_broker.aws.session import BotoCoreError, ClientError, error_code

        try:
            response: Mapping[str, Any] = self._make_client().get_secret_value(SecretId=f"{self._prefix}/{name}")
            return response
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
        causes = (f"Secrets Manager: {code}",)
        if code in _ABSENT:
            raise MerchantNotFound(f"There is no secret {name}. Store one, or check the merchant's name.")
        if code in UNREADABLE:
            detail = f"The secret {name} cannot be read or decrypted with this function's role."
            raise MerchantMisconfigured(detail, causes=causes)
        raise StorageUnavailable("The merchant's secret could not be read. Try again.", causes=causes)


def _parse(name: str, response: Mapping[str, Any]) -> Mapping[str, Any]:
    label = f"The secret {name}"
    text = response.get("SecretString")
    if not isinstance(text, str):
        raise MerchantMisconfigured(f"{label} is binary. It must be a JSON object, stored as text.")
    try:
        secret = strict_json.loads(text)
    except strict_json.NotStrictJson as reason:
        raise MerchantMisconfigured(f"{label} is not usable: {reason}. It must be a JSON object.") from None
    if not isinstance(secret, dict):
        raise MerchantMisconfigured(f"{label} must be a JSON object.")
    return secret
