"""The mark that tells our tokens from everybody else's: the end of a token's title at the provider, `
[tb:<brokerId>:<intent>]`.
"""

import base64
import hashlib
import os
import re
from dataclasses import dataclass

_TAG = re.compile(r" \[tb:([a-z2-7]{8}):([a-z2-7]{26})\]\Z")


@dataclass(frozen=True, slots=True)
class TitleTag:
    """A title at the provider, taken apart; both ids are None where it ends with no mark."""

    title: str
    broker_id: str | None = None
    intent_id: str | None = None


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode().rstrip("=").lower()


def new_broker_id() -> str:
    """Eight random characters: made once per table."""
    return _base32(os.urandom(5))


def new_intent_id() -> str:
    """26 random characters (128 bits): no two mints share one."""
    return _base32(os.urandom(16))


def new_owner() -> str:
    """32 random hex digits: whose a lease is."""
    return os.urandom(16).hex()


def key_id_of(*parts: str) -> str:
    """What an Idempotency-Key is remembered by: the same parts (caller, route, key) give the same 26 characters."""
    digest = hashlib.sha256()
    for part in parts:
        octets = part.encode()
        digest.update(len(octets).to_bytes(4))  # so that no two lists of parts run together to the same bytes
        digest.update(octets)
    return _base32(digest.digest()[:16])


def tag_title(title: str, broker_id: str, intent_id: str) -> str:
    """The title as it stands at the provider."""
    return f"{title} [tb:{broker_id}:{intent_id}]"


def parse_title(title: str) -> TitleTag:
    """The title without its mark, and what the mark says."""
    match = _TAG.search(title)
    return TitleTag(title) if match is None else TitleTag(title[: match.start()], match[1], match[2])
