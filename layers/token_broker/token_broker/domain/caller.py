"""Name callers for logs and idempotency."""

import re

_SESSION = re.compile(r"(:assumed-role/[^/]+)/.*")
#: The prefix of a storefront's caller. The page's origin follows it.
STOREFRONT = "storefront "
SHOWN_CHARACTERS = 128


def principal(caller: str) -> str:
    """Return the caller without the session name, which AWS adds to an assumed role and which differs by process."""
    return _SESSION.sub(r"\1", caller)


def shown_caller(caller: str) -> str:
    """Return the caller as the log shows it: a principal, or a storefront's origin, printable and cut."""
    name = principal(caller).removeprefix(STOREFRONT)
    return "".join(char if char.isprintable() else "?" for char in name)[:SHOWN_CHARACTERS]
