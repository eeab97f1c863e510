"""Merchants' secrets in AWS Secrets Manager: `{prefix}/{provider}/{merchant}`, a JSON object each.

Values are kept in memory for `life` seconds, usually five minutes. A secret that is missing or waits for its
deletion means that there is no such merchant.
"""

from collections.abc import Callable, Mapping
from typing import Any

from token_broker import strict_json
from token_broker.aws.session import BotoCoreError, ClientError, error_code
from token_broker.clock import Clock
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, StorageUnavailable

TTL_SECONDS = 300.0
MAX_ENTRIES = 1024

#: What Secrets Manager says of a secret that is missing, or (InvalidRequestException) marked for deletion.
_ABSENT = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_UNREADABLE = frozenset({"AccessDeniedException", "DecryptionFailure"})


class SecretsManager:
    """The `Secrets` port. `make_client` is called at the first read: most calls of a warm function never need it."""

    def __init__(
        self, make_client: Callable[[], Any], *, prefix: str, provider: str, clock: Clock, life: float = TTL_SECONDS
    ) -> None:
        self._make_client = make_client
        self._prefix = prefix
        self._provider = provider
        self._clock = clock
        self._life = life
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """The secret's JSON object; `fresh` asks Secrets Manager whatever memory holds."""
        kept = self._kept.get(merchant)
        if kept is not None and not fresh and self._clock.monotonic() < kept[0]:
            return kept[1]
        self._kept.pop(merchant, None)
        secret = self._parse(merchant, self._fetch(merchant))
        if len(self._kept) >= MAX_ENTRIES:
            self._kept.pop(next(iter(self._kept)))
        self._kept[merchant] = (self._clock.monotonic() + self._life, secret)
        return secret

    def _fetch(self, merchant: str) -> Mapping[str, Any]:
        try:
            response: Mapping[str, Any] = self._make_client().get_secret_value(
                SecretId=f"{self._prefix}/{self._provider}/{merchant}"
            )
            return response
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
        if code in _ABSENT:
            raise MerchantNotFound(
                f"There is no {self._provider} secret for the merchant '{merchant}'. Store one, or check the name."
            )
        if code in _UNREADABLE:
            raise MerchantMisconfigured(
                f"The {self._provider} secret of merchant '{merchant}' cannot be read or decrypted "
                "with this function's role."
            )
        failure = StorageUnavailable("The merchant's secret could not be read just now. Try again.")
        failure.add_note(f"Secrets Manager: {code}")
        raise failure

    def _parse(self, merchant: str, response: Mapping[str, Any]) -> Mapping[str, Any]:
        whose = f"The {self._provider} secret of merchant '{merchant}'"
        text = response.get("SecretString")
        if not isinstance(text, str):
            raise MerchantMisconfigured(f"{whose} is binary. It must be a JSON object, stored as text.")
        try:
            secret = strict_json.loads(text)
        except strict_json.NotStrictJson as reason:
            raise MerchantMisconfigured(f"{whose} is not usable: {reason}. It must be a JSON object.") from None
        if not isinstance(secret, dict):
            raise MerchantMisconfigured(f"{whose} must be a JSON object.")
        return secret
