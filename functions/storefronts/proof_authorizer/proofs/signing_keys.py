"""Read the HS256 keys that a merchant shares with its own backend from the merchant's secret.

{"keys": {"<kid>": "<text of at least 32 bytes>"}}      1 to 5 keys; a key's bytes are its text's UTF-8
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from proofs.compact import MAX_KID_LENGTH
from proofs.key_cache import KeyCache, Times
from proofs.keys import Key
from proofs.outcomes import KeysUnavailable
from token_broker.clock import Clock
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, StorageUnavailable

if TYPE_CHECKING:
    from token_broker.ports.secrets import Secrets

ALGORITHM = "HS256"
MAX_KEYS = 5
#: A key must not be shorter than the hash (RFC 7518, 3.2).
MIN_KEY_BYTES = 32
MAX_KEY_BYTES = 4096
#: A removed key is accepted no longer than a removed policy.
TIMES = Times(fresh_for=30.0, usable_for=900.0, renewable_after=0.0, renewal_interval=30.0, retry_delays=(5.0,))


def signing_keys(secrets: "Secrets", clock: Clock) -> KeyCache:
    """Return the cache of merchants' own keys, by the merchant's name."""
    return KeyCache(partial(_read, secrets), clock, TIMES)


def _read(secrets: "Secrets", merchant: str) -> tuple[Key, ...]:
    try:
        secret = secrets.read(merchant, fresh=True)
    except MerchantNotFound:
        raise KeysUnavailable("no_secret") from None
    except MerchantMisconfigured:
        raise KeysUnavailable("secret_unusable") from None
    except StorageUnavailable:
        raise KeysUnavailable("secret_unreadable") from None
    texts = secret.get("keys")
    if set(secret) != {"keys"} or not isinstance(texts, dict) or not 1 <= len(texts) <= MAX_KEYS:
        raise KeysUnavailable("secret_unusable")
    return tuple(_key(kid, text) for kid, text in texts.items())


def _key(kid: str, text: Any) -> Key:
    try:
        octets = text.encode() if isinstance(text, str) else b""
    except UnicodeEncodeError:
        raise KeysUnavailable("secret_unusable") from None
    if not 0 < len(kid) <= MAX_KID_LENGTH or not MIN_KEY_BYTES <= len(octets) <= MAX_KEY_BYTES:
        raise KeysUnavailable("secret_unusable")
    return Key(kid, ALGORITHM, octets)
