"""The rules for single input values. Each takes any value, gives the checked one, or raises `ValueError` with what it
takes.

No message quotes the value: it may be a secret put into the wrong field.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

type Rule = Callable[[Any], Any]

_MERCHANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOKEN_ID = re.compile(r"[1-9][0-9]{0,19}")
_VISIBLE = re.compile(r"[!-~]+")

#: Control characters, half surrogates, and the separators that end a line or a paragraph.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})

_TAG = re.compile(r'\s*(W/)?"([!#-~]*)"\s*')
_REVISION = re.compile(r"[1-9][0-9]{0,8}")

#: Any key at all: an item that is none of ours must be found to be so by itself, and not spoil its batch.
_EVENT_NAME = re.compile(r"[^/]{0,2048}/.{1,1024}", re.DOTALL)

SCOPES = 50
ITEM_KEYS = 100
#: What DynamoDB takes as a sort key.
ITEM_KEY = 1024
EVENT_NAMES = 1000


@dataclass(frozen=True, slots=True)
class Tags:
    """An If-Match header: the revisions that it names, or None for any (`*`)."""

    revisions: frozenset[int] | None


def merchant_name(value: Any) -> str:
    """The name that the operator chose."""
    if not isinstance(value, str) or not _MERCHANT.fullmatch(value):
        raise ValueError(
            "a merchant's name: 1 to 63 lower-case letters, digits and hyphens, not starting with a hyphen"
        )
    return value


def text(longest: int) -> Rule:
    """A text for people, or another system's id: any script and emoji, but not blank and without control characters."""

    def rule(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.strip():
            raise ValueError(f"a string of 1 to {longest} characters that is not blank")
        if not value.isprintable() and any(unicodedata.category(char) in _REFUSED_CATEGORIES for char in value):
            raise ValueError("a string without control characters")
        return value

    return rule


def order_id(value: Any) -> str:
    """Another system's name for an order, which may be a number there."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(text(256)(str(value) if number else value))


def scope_names(value: Any) -> tuple[str, ...] | None:
    """Names of scopes, each once and in the order given; an empty list asks for nothing."""
    takes = f"a list of at most {SCOPES} scope names of 1 to 100 visible ASCII characters"
    if not isinstance(value, list) or len(value) > SCOPES:
        raise ValueError(takes)
    if not all(isinstance(each, str) and len(each) <= 100 and _VISIBLE.fullmatch(each) for each in value):
        raise ValueError(takes)
    return tuple(dict.fromkeys(value)) or None


def item_keys(value: Any) -> tuple[str, ...]:
    """Keys of a merchant's items, each once and in the order given.

    One that says nothing to the worker must not keep the others from it.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= ITEM_KEYS:
        raise ValueError(f"a list of 1 to {ITEM_KEYS} keys")
    if not all(isinstance(each, str) and 1 <= len(each) <= ITEM_KEY and each.isascii() for each in value):
        raise ValueError(f"a list of keys such as 'token#1003304090' or 'subject#shop', at most {ITEM_KEY} long")
    return tuple(dict.fromkeys(value))


def event_names(value: Any) -> tuple[str, ...]:
    """Names of undelivered events, each once and in the order given; none at all where a batch held nothing of ours."""
    if not isinstance(value, list) or len(value) > EVENT_NAMES:
        raise ValueError(f"a list of at most {EVENT_NAMES} names")
    if not all(isinstance(each, str) and _EVENT_NAME.fullmatch(each) for each in value):
        raise ValueError("a list of names such as 'shopify#acme/event#mfrggzdfmztwq2lkmfrggzdfmy'")
    return tuple(dict.fromkeys(value))


def token_id(value: Any) -> str:
    """A provider's number, as a string: it outgrows what JavaScript counts exactly."""
    if not isinstance(value, str) or not _TOKEN_ID.fullmatch(value):
        raise ValueError("a token's id: a string of 1 to 20 digits")
    return value


def days(most: int) -> Rule:
    """Whole days, at least one."""

    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"a whole number of days from 1 to {most}")
        return value

    return rule


def days_or_never(most: int) -> Rule:
    """Whole days; null is never."""

    def rule(value: Any) -> int | None:
        try:
            return None if value is None else int(days(most)(value))
        except ValueError as takes:
            raise ValueError(f"{takes}, or null") from None

    return rule


def visible(longest: int) -> Rule:
    """A key that goes into a header."""

    def rule(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or not _VISIBLE.fullmatch(value):
            raise ValueError(f"1 to {longest} visible ASCII characters")
        return value

    return rule


def flag(value: Any) -> bool:
    """True or false; as text in a query."""
    words = {"true": True, "false": False, True: True, False: False}
    if not isinstance(value, str | bool) or value not in words:
        raise ValueError("true or false")
    return words[value]


def truth(value: Any) -> bool:
    """True or false, as JSON has them."""
    if value is not True and value is not False:
        raise ValueError("true or false")
    return bool(value)


def cache_control(value: Any) -> bool:
    """Whether a Cache-Control header asks to pass the caches by."""
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError("a Cache-Control header's value")
    return "no-cache" in (directive.strip().lower() for directive in value.split(","))


def anything(value: Any) -> Any:
    """A value that is judged later, together with its neighbours."""
    if value is None:
        raise ValueError("given with a value, or left out")
    return value


def entity_tags(value: Any) -> Tags:
    """An If-Match header. Tags that are no revision's fit nothing; weak ones never fit (RFC 9110, 13.1.1)."""
    takes = 'an ETag in its quotes as it was answered, such as "3", several of them, or *'
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError(takes)
    if value.strip() == "*":
        return Tags(None)
    matches = [_TAG.fullmatch(each) for each in value.split(",")]
    if not all(matches):
        raise ValueError(takes)
    strong = [match[2] for match in matches if match and not match[1]]
    return Tags(frozenset(int(tag) for tag in strong if _REVISION.fullmatch(tag)))


def asterisk(value: Any) -> bool:
    """An If-None-Match header, of which only `*` makes sense for a change."""
    if not isinstance(value, str) or value.strip() != "*":
        raise ValueError("*")
    return True
