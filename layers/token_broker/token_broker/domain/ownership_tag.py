"""Write and read the ownership tag: the end of a token's title at the provider, ` [tb:<brokerId>:<intent>]`.

The tag shows which stack and which intent created the token.
"""

import base64
import hashlib
import os
import re
from typing import NamedTuple

_TAG = re.compile(r" \[tb:([a-z2-7]{8}):([a-z2-7]{26})\]\Z")


class TitleTag(NamedTuple):
    """Hold the parts of a title at the provider. Both ids are None if it has no ownership tag."""

    title: str
    broker_id: str | None = None
    intent_id: str | None = None


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode().rstrip("=").lower()


def new_broker_id() -> str:
    """Return eight random characters, which name a stack."""
    return _base32(os.urandom(5))


def new_intent_id() -> str:
    """Return 26 random characters (128 bits), which identify one mint."""
    return _base32(os.urandom(16))


def new_owner() -> str:
    """Return 32 random hex digits, which identify the holder of a lease."""
    return os.urandom(16).hex()


def key_id_of(*parts: str) -> str:
    """Return the 26 characters under which an Idempotency-Key is stored, from its parts (caller, route, key)."""
    digest = hashlib.sha256()
    for part in parts:
        octets = part.encode()
        digest.update(len(octets).to_bytes(4))  # no two lists of parts give the same bytes
        digest.update(octets)
    return _base32(digest.digest()[:16])


def tag_title(title: str, broker_id: str, intent_id: str) -> str:
    """Return the title with its ownership tag, as the provider stores it."""
    return f"{title} [tb:{broker_id}:{intent_id}]"


def parse_title(title: str) -> TitleTag:
    """Return the title without its ownership tag, and the tag's ids."""
    match = _TAG.search(title)
    return TitleTag(title) if match is None else TitleTag(title[: match.start()], match[1], match[2])
