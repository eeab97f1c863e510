"""Check single input values.

Each rule returns the checked value. It raises `ValueError` with a phrase that follows "must be". The phrase never
quotes the value, which may be a secret in the wrong field.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple

from token_broker.errors import PreconditionFailed

type Rule = Callable[[Any], Any]

_SCOPE = re.compile(r"[!-~]{1,100}")

#: Control characters, lone surrogates, and the line and paragraph separators.
_REJECTED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})

_TAG = re.compile(r'\s*(W/)?"([!#-~]*)"\s*')
_REVISION = re.compile(r"[1-9][0-9]{0,8}")

#: Matches any key, so that one unknown item does not make its whole batch invalid.
_EVENT_NAME = re.compile(r"[^/]{0,2048}/.{1,1024}", re.DOTALL)

MAX_SCOPES = 50
MAX_ITEM_KEYS = 100
#: DynamoDB's limit for a sort key.
MAX_ITEM_KEY_LENGTH = 1024
MAX_EVENT_NAMES = 1000
#: Seconds for which a preview origin can be allowed.
SHORTEST_PREVIEW = 60 * 60
LONGEST_PREVIEW = 14 * 24 * 60 * 60


class Precondition(NamedTuple):
    """Hold the precondition of a request, from `If-Match` (`exists`, `revisions`) or `If-None-Match` (`absent`).

    `revisions` are the acceptable ones, or None for any.
    """

    revisions: frozenset[int] | None = None
    exists: bool = False
    absent: bool = False

    def check(self, revision: int | None, *, what: str) -> None:
        """Check the stored `revision`, which is None if nothing is stored. Raises `PreconditionFailed`.

        `what` names the document in the error's detail.
        """
        if self.absent and revision is not None:
            raise PreconditionFailed(f"A {what} exists already. Get it and send its ETag as If-Match.")
        if self.exists and revision is None:
            raise PreconditionFailed(f"There is no {what}. Leave If-Match out to create one.")
        if self.revisions is not None and revision not in self.revisions:
            raise PreconditionFailed(f"The {what} has changed. Get it again, and apply your change to the new version.")


def matching(pattern: str, expected: str) -> Callable[[Any], str]:
    """Return a rule for a text that matches the whole pattern."""

    def rule(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(expected)
        return value

    return rule


merchant_name = matching(
    r"[a-z0-9][a-z0-9-]{0,62}",
    "a merchant's name of 1 to 63 lower-case letters, digits and hyphens that does not start with a hyphen",
)
#: A token's id becomes part of a key and of a path. The provider checks its own form.
token_id = matching(
    r"(?!.*[/#])[!-~]{1,128}", "a token's id, a string of 1 to 128 visible ASCII characters without / and #"
)


def visible(longest: int) -> Rule:
    """Return a rule for a header's value of visible ASCII characters."""
    return matching(rf"[!-~]{{1,{longest}}}", f"1 to {longest} visible ASCII characters")


def text(longest: int) -> Rule:
    """Return a rule for a text in any script: not blank, and without control characters."""

    def rule(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.strip():
            raise ValueError(f"a string of 1 to {longest} characters that is not blank")
        if not value.isprintable() and any(unicodedata.category(char) in _REJECTED_CATEGORIES for char in value):
            raise ValueError("a string without control characters")
        return value

    return rule


def order_id(value: Any) -> str:
    """Check an order's id, which may be a number, and return it as a string."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(text(256)(str(value) if number else value))


def scope_names(value: Any) -> tuple[str, ...] | None:
    """Check scope names, and return each once in the given order, or None for an empty list."""
    expected = f"a list of at most {MAX_SCOPES} scope names of 1 to 100 visible ASCII characters"
    if not isinstance(value, list) or len(value) > MAX_SCOPES:
        raise ValueError(expected)
    if not all(isinstance(each, str) and _SCOPE.fullmatch(each) for each in value):
        raise ValueError(expected)
    return tuple(dict.fromkeys(value)) or None


def item_keys(value: Any) -> tuple[str, ...]:
    """Check the sort keys of a merchant's items, and return each once in the given order.

    A key of an unknown kind is valid here, so that the worker still gets the other keys.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ITEM_KEYS:
        raise ValueError(f"a list of 1 to {MAX_ITEM_KEYS} keys")
    if not all(isinstance(each, str) and 1 <= len(each) <= MAX_ITEM_KEY_LENGTH and each.isascii() for each in value):
        raise ValueError(
            f"a list of keys of at most {MAX_ITEM_KEY_LENGTH} characters, such as 'token#1003304090' or 'subject#shop'"
        )
    return tuple(dict.fromkeys(value))


def event_names(value: Any) -> tuple[str, ...]:
    """Check names of undelivered events, and return each once in the given order. An empty list is valid."""
    if not isinstance(value, list) or len(value) > MAX_EVENT_NAMES:
        raise ValueError(f"a list of at most {MAX_EVENT_NAMES} names")
    if not all(isinstance(each, str) and _EVENT_NAME.fullmatch(each) for each in value):
        raise ValueError("a list of names such as 'shopify#acme/event#mfrggzdfmztwq2lkmfrggzdfmy'")
    return tuple(dict.fromkeys(value))


def days(most: int) -> Rule:
    """Return a rule for a whole number of days, at least one."""

    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"a whole number of days from 1 to {most}")
        return value

    return rule


def days_or_never(most: int) -> Rule:
    """Return a rule for a whole number of days, or null for never."""

    def rule(value: Any) -> int | None:
        try:
            return None if value is None else int(days(most)(value))
        except ValueError as expected:
            raise ValueError(f"{expected}, or null") from None

    return rule


def preview_seconds(value: Any) -> int:
    """Check for how many seconds a preview origin is allowed."""
    if isinstance(value, bool) or not isinstance(value, int) or not SHORTEST_PREVIEW <= value <= LONGEST_PREVIEW:
        raise ValueError(f"a whole number of seconds from {SHORTEST_PREVIEW} to {LONGEST_PREVIEW}")
    return value


def flag(value: Any) -> bool:
    """Check a boolean, which is text in a query."""
    words = {"true": True, "false": False, True: True, False: False}
    if not isinstance(value, str | bool) or value not in words:
        raise ValueError("true or false")
    return words[value]


def truth(value: Any) -> bool:
    """Check a JSON boolean."""
    if value is not True and value is not False:
        raise ValueError("true or false")
    return bool(value)


def cache_control(value: Any) -> bool:
    """Return whether a Cache-Control header asks to skip the caches."""
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError("a Cache-Control header's value")
    return "no-cache" in (directive.strip().lower() for directive in value.split(","))


def anything(value: Any) -> Any:
    """Accept any value but null. It is checked later, together with other fields."""
    if value is None:
        raise ValueError("any value but null, or left out")
    return value


def entity_tags(value: Any) -> Precondition:
    """Check an If-Match header. Weak tags and tags that are no revision match nothing (RFC 9110, 13.1.1)."""
    expected = 'one or more ETags from responses, in quotes such as "3", or *'
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError(expected)
    if value.strip() == "*":
        return Precondition(exists=True)
    matches = [_TAG.fullmatch(each) for each in value.split(",")]
    if not all(matches):
        raise ValueError(expected)
    strong = [match[2] for match in matches if match and not match[1]]
    return Precondition(frozenset(int(tag) for tag in strong if _REVISION.fullmatch(tag)), exists=True)


def asterisk(value: Any) -> bool:
    """Check an If-None-Match header, in which only `*` is valid for a change."""
    if not isinstance(value, str) or value.strip() != "*":
        raise ValueError("*")
    return True
