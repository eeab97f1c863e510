"""Tell whether required claims name the owner of an OIDC issuer's token.

An issuer signs tokens for all its customers, and who asks for a token can often choose its audience. A claim names an
owner only if nobody else can get a token with this value. `docs/reference/trust-policy.md` has the claims of known
issuers.
"""

from collections.abc import Mapping

#: They are compared by other members, differ in each token, or have values that every customer can have.
_NO_OWNERS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "email_verified", "environment", "ref"})

#: The claims that name an owner, by the issuer's address. A path can follow the address.
_OWNERS: Mapping[str, tuple[str, ...]] = {
    "https://oidc.vercel.com": ("owner_id", "project_id"),
    "https://token.actions.githubusercontent.com": ("repository_owner_id", "repository_id"),
}

#: Firebase's issuer, and the claims that it sets itself. A user chooses most of them.
_FIREBASE = "https://securetoken.google.com"
_SET_BY_FIREBASE = frozenset({"auth_time", "email", "firebase", "name", "phone_number", "picture", "provider_id"})


def lacking(issuer: str, claims: Mapping[str, str | int | float | bool]) -> str:
    """Return what to require in addition, or an empty text if the required claims name an owner."""
    named = {name for name, value in claims.items() if not isinstance(value, bool)} - _NO_OWNERS
    for address, owners in _OWNERS.items():
        if _is_of(issuer, address):
            return "" if named.intersection(owners) else f"{' or '.join(map(repr, owners))} for this issuer"
    if _is_of(issuer, _FIREBASE):
        return "" if named - _SET_BY_FIREBASE else "a custom claim of yours for this issuer"
    if named:
        return ""
    none = ", ".join(sorted(_NO_OWNERS))
    return f"such as 'owner_id' or 'repository_owner_id'. Booleans, {none} name no owner"


def _is_of(issuer: str, address: str) -> bool:
    return issuer == address or issuer.startswith(f"{address}/")
