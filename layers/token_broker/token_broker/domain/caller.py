"""Name callers for logs and idempotency."""

_ASSUMED_ROLE = ":assumed-role/"
#: The prefix of a storefront's caller. The page's origin follows it.
STOREFRONT = "storefront "
SHOWN_CHARACTERS = 128


def principal(caller: str) -> str:
    """Return the caller without the session name, which AWS adds to an assumed role and which differs by process."""
    account, assumed_role, role = caller.partition(_ASSUMED_ROLE)
    return f"{account}{assumed_role}{role.partition('/')[0]}"


def shown_caller(caller: str) -> str:
    """Return the caller as the log shows it: a principal, or a storefront's origin, printable and cut."""
    name = principal(caller).removeprefix(STOREFRONT)[:SHOWN_CHARACTERS]
    return name if name.isprintable() else "".join(char if char.isprintable() else "?" for char in name)
