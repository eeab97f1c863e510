"""Trust policy documents as tests need them: everything has a default."""

from functools import partial
from typing import Any

from token_broker.storefronts import trust_policy
from token_broker.wiring import page_operations

#: As the product parses a document, which may name the operations of the providers.
parse = partial(trust_policy.parse, page_operations=page_operations())

SHOP = "https://shop.example"
VERCEL = "https://oidc.vercel.com"
GITHUB = "https://token.actions.githubusercontent.com"
FIREBASE = "https://securetoken.google.com/acme-apps"


def hs256(**changes: Any) -> dict[str, Any]:
    """Describe a proof that the merchant's backend signs."""
    return {"type": "hs256", "issuer": SHOP, "audience": "token-broker", **changes}


def oidc(**changes: Any) -> dict[str, Any]:
    """Describe a proof of an OIDC issuer."""
    return {
        "type": "oidc",
        "issuer": "https://login.example",
        "audience": "storefront",
        "jwksUri": "https://login.example/.well-known/jwks.json",
        **changes,
    }


def sessions(*proofs: Any, **changes: Any) -> dict[str, Any]:
    """Build a document's part about sessions, with one HS256 proof unless others are given."""
    return {"scopes": ["wallet.read", "merchant.read"], "proofs": list(proofs or [hs256()]), **changes}


def shop(*proofs: Any, **changes: Any) -> dict[str, Any]:
    """Build a document's part about servers and native apps, with one HS256 proof unless others are given."""
    return {"proofs": list(proofs or [hs256()]), **changes}


def policy(**changes: Any) -> dict[str, Any]:
    """Build a document that names one origin and opens nothing to it."""
    return {"version": 1, "origins": [SHOP], **changes}


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the document without a member."""
    return {each: value for each, value in document.items() if each != name}


_SHORT = "x" * 128
_LONG = "ü" * 255
_PROOF = "sessions.proofs[0]"
_CLIENT = "shop.proofs[0]"

#: Claims that name the owner of a token of these issuers. An address that only looks alike is another issuer.
_OWNERS_AT: tuple[tuple[str, dict[str, Any]], ...] = (
    (VERCEL, {"project_id": "prj_shop"}),
    (f"{VERCEL}/acme", {"owner_id": "team_acme", "environment": "production"}),
    (f"{VERCEL}.example", {"owner": "acme"}),
    (GITHUB, {"repository_id": "74"}),
    (f"{GITHUB}/acme", {"repository_owner_id": 65, "ref": "refs/heads/main"}),
    (FIREBASE, {"merchant": "acme", "email_verified": True}),
    (FIREBASE, {"sub": "user-1"}),
)

#: What each shows, and the document.
TAKEN: dict[str, dict[str, Any]] = {
    "one origin": policy(),
    "no origin": policy(origins=[]),
    "a version written as 1.0": policy(version=1.0),
    "15 origins": policy(origins=[f"https://shop-{number}.example" for number in range(15)]),
    "no operation": policy(anonymous=[]),
    "no operation and no origin": policy(anonymous=[], origins=[]),
    "one operation": policy(anonymous=["fourthwall/public-token"]),
    "both operations": policy(anonymous=["shopify/storefront-access-token", "fourthwall/public-token"]),
    "an HS256 proof": policy(sessions=sessions()),
    "an OIDC proof": policy(sessions=sessions(oidc())),
    "sessions without an origin": policy(origins=[], sessions=sessions()),
    "five proofs": policy(sessions=sessions(oidc(), *[hs256(issuer=f"issuer-{number}") for number in range(4)])),
    "one audience for two issuers": policy(sessions=sessions(hs256(audience="a"), oidc(audience="a"))),
    "an issuer of 255 characters": policy(sessions=sessions(hs256(issuer=_LONG))),
    "an audience of 255 characters": policy(sessions=sessions(hs256(audience=_LONG))),
    "an issuer that is no URL": policy(
        sessions=sessions(oidc(issuer="accounts of \u65e5\u672c \U0001f469\u200d\U0001f467"))
    ),
    "a session claim of 128 characters": policy(sessions=sessions(hs256(sessionClaim=_SHORT))),
    "a session claim that is a URL": policy(sessions=sessions(hs256(sessionClaim=f"{SHOP}/session"))),
    "no claims": policy(sessions=sessions(hs256(claims={}))),
    "ten claims": policy(sessions=sessions(hs256(claims={f"claim {number}": number for number in range(10)}))),
    "a claim's name of 128 characters": policy(sessions=sessions(hs256(claims={_SHORT: True}))),
    "a claim's value of 255 characters": policy(sessions=sessions(hs256(claims={"shop": _LONG}))),
    **{
        f"the claim {value!r}": policy(sessions=sessions(oidc(claims={"claim": value})))
        for value in ("1", 0, 1, -1, 0.0, 1.5, 2**53, -(2**53), 2.0**53, 1e-100, -1e-100, True, False)
    },
    "one scope": policy(sessions=sessions(scopes=["wallet.read"])),
    "a scope of 100 characters": policy(sessions=sessions(scopes=["!" + "~" * 99])),
    "20 scopes": policy(sessions=sessions(scopes=[f"scope-{number}" for number in range(20)])),
    "clients with an HS256 proof": policy(shop=shop()),
    "clients without an origin": policy(origins=[], shop=shop()),
    "clients with five proofs": policy(
        shop=shop(oidc(claims={"owner_id": "a"}), *[hs256(issuer=f"issuer-{number}") for number in range(4)])
    ),
    "one issuer for clients and sessions": policy(sessions=sessions(hs256()), shop=shop(hs256())),
    "clients of an owner and an audience": policy(shop=shop(oidc(claims={"aud": "a", "owner_id": "a"}))),
    "clients whose owner is a number": policy(shop=shop(oidc(claims={"repository_owner_id": 65}))),
    **{
        f"clients of {issuer} with the claims {value!r}": policy(shop=shop(oidc(issuer=issuer, claims=value)))
        for issuer, value in _OWNERS_AT
    },
}

_NO_TEXTS: tuple[Any, ...] = (
    None,
    True,
    1,
    [],
    {},
    ["x"],
    "",
    " ",
    "\u00a0\u3000",
    "a\nb",
    "a\x00",
    "\x85",
    "a\u2028",
    "\x7f",
)
_NO_OBJECTS: tuple[Any, ...] = (None, True, 1, "x", [])
_NO_LISTS: tuple[Any, ...] = (None, True, 1, "x", {}, {"0": "x"})

_NO_VERSIONS: tuple[Any, ...] = (None, True, False, "1", 0, 2, 1.5, [1])
_NO_TYPES: tuple[Any, ...] = (None, True, 1, [], ["hs256"], {}, "", "HS256", "hs512", "none", "rs256")
_NO_JWKS_URIS: tuple[Any, ...] = (None, 1, [], "http://login.example/jwks", "https://127.0.0.1/jwks")
_NO_CLAIM_NAMES = ("", " ", "a\nb", "a\u2029", _SHORT + "x")
_NO_TEXT_VALUES: tuple[Any, ...] = (None, [], ["demo"], {}, "", "  ", "a\tb", _LONG + "x")
_NO_NUMBERS = (2**53 + 1, -(2**53) - 1, 1e300, -1e300, 1e-101, -5e-324)
#: Claims that name no owner of an issuer's token.
_NO_OWNERS: tuple[Any, ...] = (
    {},
    {"iss": SHOP},
    {"aud": "storefront"},
    {"iss": SHOP, "aud": "a", "jti": "b", "exp": 1},
    {"environment": "production", "ref": "refs/heads/main"},
    {"email_verified": "true"},
    {"paid": True, "owner_id": False},
)
#: Claims that name no owner of a token of these issuers.
_NO_OWNERS_AT: tuple[tuple[str, dict[str, Any]], ...] = (
    (VERCEL, {"environment": "production"}),
    (VERCEL, {"owner": "acme", "project": "shop"}),
    (VERCEL, {"owner_id": True, "plan": "pro"}),
    (f"{VERCEL}/acme", {"repository_owner_id": "65"}),
    (GITHUB, {"actor": "somebody", "workflow": "deploy"}),
    (f"{GITHUB}/acme", {"owner_id": "team_acme"}),
    (FIREBASE, {}),
    (FIREBASE, {"merchant": True}),
    (FIREBASE, {"name": "acme", "email": "a@shop.example", "provider_id": "anonymous", "auth_time": 1}),
)
_NO_SCOPES: tuple[Any, ...] = (None, True, 1, [], ["b"], {}, "", " ", "a b", "b\n", "é", "x" * 101, "a")

#: What each shows, the document, and the member that the refusal names.
REFUSED: dict[str, tuple[Any, str]] = {
    **{f"a document that is {value!r}": (value, "The trust policy") for value in (*_NO_OBJECTS, [policy()])},
    "an empty document": ({}, "'version'"),
    "no version": (without(policy(), "version"), "'version'"),
    "no origins": (without(policy(), "origins"), "'origins'"),
    **{f"version {value!r}": (policy(version=value), "'version'") for value in _NO_VERSIONS},
    "an unknown member": (policy(origin=[SHOP]), "The trust policy"),
    "a member in another case": (policy(Sessions=sessions()), "The trust policy"),
    "a nameless member": (policy(**{"": 1}), "The trust policy"),
    **{f"origins that are {value!r}": (policy(origins=value), "'origins'") for value in _NO_LISTS},
    "16 origins": (policy(origins=[f"https://shop-{number}.example" for number in range(16)]), "'origins'"),
    "an origin twice": (policy(origins=[SHOP, "https://a.example", SHOP]), "'origins[2]'"),
    "an origin in a list": (policy(origins=[[SHOP]]), "'origins[0]'"),
    "a second origin with a path": (policy(origins=[SHOP, f"{SHOP}/"]), "'origins[1]'"),
    **{f"anonymous {value!r}": (policy(anonymous=value), "'anonymous'") for value in _NO_LISTS},
    "an unknown operation": (policy(anonymous=["chicksx/public-tokens"]), "'anonymous[0]'"),
    "every operation": (policy(anonymous=["*"]), "'anonymous[0]'"),
    "an operation in another case": (policy(anonymous=["Fourthwall/public-token"]), "'anonymous[0]'"),
    "an operation with a slash": (policy(anonymous=["/fourthwall/public-token"]), "'anonymous[0]'"),
    "an operation that is no text": (policy(anonymous=[["fourthwall/public-token"]]), "'anonymous[0]'"),
    "an operation twice": (policy(anonymous=["fourthwall/public-token"] * 2), "'anonymous[1]'"),
    "three operations": (policy(anonymous=["fourthwall/public-token"] * 3), "'anonymous'"),
    "anonymous without an origin": (policy(origins=[], anonymous=["fourthwall/public-token"]), "'origins'"),
    **{f"sessions that are {value!r}": (policy(sessions=value), "'sessions'") for value in _NO_OBJECTS},
    "sessions of nothing": (policy(sessions={}), "'sessions.proofs'"),
    "sessions without proofs": (policy(sessions=without(sessions(), "proofs")), "'sessions.proofs'"),
    "sessions without scopes": (policy(sessions=without(sessions(), "scopes")), "'sessions.scopes'"),
    "an unknown member of sessions": (policy(sessions=sessions(scope=["wallet.read"])), "'sessions'"),
    **{
        f"proofs that are {value!r}": (policy(sessions=sessions(proofs=value)), "'sessions.proofs'")
        for value in (*_NO_LISTS, [])
    },
    "six proofs": (
        policy(sessions=sessions(*[hs256(issuer=f"issuer-{number}") for number in range(6)])),
        "'sessions.proofs'",
    ),
    "two proofs of one issuer": (policy(sessions=sessions(hs256(), hs256(audience="other"))), "'sessions.proofs'"),
    "two kinds of proof of one issuer": (policy(sessions=sessions(hs256(), oidc(issuer=SHOP))), "'sessions.proofs'"),
    **{f"a proof that is {value!r}": (policy(sessions=sessions(value)), f"'{_PROOF}'") for value in _NO_OBJECTS},
    "a proof without a type": (policy(sessions=sessions(without(hs256(), "type"))), f"'{_PROOF}'"),
    **{
        f"a proof of type {value!r}": (policy(sessions=sessions(hs256(type=value))), f"'{_PROOF}'")
        for value in _NO_TYPES
    },
    "an HS256 proof with a key": (policy(sessions=sessions(hs256(key="secret"))), f"'{_PROOF}'"),
    "an HS256 proof with another merchant's secret": (policy(sessions=sessions(hs256(secretId="b"))), f"'{_PROOF}'"),
    "an HS256 proof with jwksUri": (policy(sessions=sessions(hs256(jwksUri=oidc()["jwksUri"]))), f"'{_PROOF}'"),
    "an OIDC proof without jwksUri": (policy(sessions=sessions(without(oidc(), "jwksUri"))), f"'{_PROOF}.jwksUri'"),
    "a second proof without audience": (
        policy(sessions=sessions(hs256(), without(oidc(), "audience"))),
        "'sessions.proofs[1].audience'",
    ),
    "a proof without issuer": (policy(sessions=sessions(without(hs256(), "issuer"))), f"'{_PROOF}.issuer'"),
    **{
        f"{name} {value!r}": (policy(sessions=sessions(oidc(**{name: value}))), f"'{_PROOF}.{name}'")
        for name in ("issuer", "audience", "sessionClaim")
        for value in _NO_TEXTS
    },
    "an issuer of 256 characters": (policy(sessions=sessions(hs256(issuer=_LONG + "x"))), f"'{_PROOF}.issuer'"),
    "an audience of 256 characters": (policy(sessions=sessions(hs256(audience=_LONG + "x"))), f"'{_PROOF}.audience'"),
    "a session claim of 129 characters": (
        policy(sessions=sessions(hs256(sessionClaim=_SHORT + "x"))),
        f"'{_PROOF}.sessionClaim'",
    ),
    **{
        f"jwksUri {value!r}": (policy(sessions=sessions(oidc(jwksUri=value))), f"'{_PROOF}.jwksUri'")
        for value in _NO_JWKS_URIS
    },
    **{
        f"claims {value!r}": (policy(sessions=sessions(hs256(claims=value))), f"'{_PROOF}.claims'")
        for value in (*_NO_OBJECTS, *({name: True} for name in _NO_CLAIM_NAMES))
    },
    "eleven claims": (
        policy(sessions=sessions(hs256(claims={f"claim {number}": number for number in range(11)}))),
        f"'{_PROOF}.claims'",
    ),
    **{
        f"a claim that is {value!r}": (policy(sessions=sessions(hs256(claims={"claim": value}))), f"'{_PROOF}.claims'")
        for value in (*_NO_TEXT_VALUES, *_NO_NUMBERS)
    },
    **{
        f"scopes {value!r}": (policy(sessions=sessions(scopes=value)), "'sessions.scopes'")
        for value in (*_NO_LISTS, [], [f"scope-{number}" for number in range(21)])
    },
    **{
        f"the scope {value!r}": (policy(sessions=sessions(scopes=["a", value])), "'sessions.scopes[1]'")
        for value in _NO_SCOPES
    },
    **{f"clients that are {value!r}": (policy(shop=value), "'shop'") for value in _NO_OBJECTS},
    "clients of nothing": (policy(shop={}), "'shop.proofs'"),
    "clients with scopes": (policy(shop=shop(scopes=["wallet.read"])), "'shop'"),
    **{
        f"clients' proofs that are {value!r}": (policy(shop={"proofs": value}), "'shop.proofs'")
        for value in (*_NO_LISTS, [])
    },
    "clients with six proofs": (
        policy(shop=shop(*[hs256(issuer=f"issuer-{number}") for number in range(6)])),
        "'shop.proofs'",
    ),
    "clients with two proofs of one issuer": (policy(shop=shop(hs256(), hs256(audience="other"))), "'shop.proofs'"),
    **{f"a client's proof that is {value!r}": (policy(shop=shop(value)), f"'{_CLIENT}'") for value in _NO_OBJECTS},
    "a client's proof of type none": (policy(shop=shop(hs256(type="none"))), f"'{_CLIENT}'"),
    "a client's HS256 proof with a session": (policy(shop=shop(hs256(sessionClaim="sid"))), f"'{_CLIENT}'"),
    "a client's OIDC proof with a session": (
        policy(shop=shop(oidc(sessionClaim="sid", claims={"owner_id": "a"}))),
        f"'{_CLIENT}'",
    ),
    "a client's OIDC proof without claims": (policy(shop=shop(oidc())), f"'{_CLIENT}.claims'"),
    **{
        f"a client's OIDC proof with the claims {value!r}": (
            policy(shop=shop(oidc(claims=value))),
            f"'{_CLIENT}.claims'",
        )
        for value in _NO_OWNERS
    },
    **{
        f"a client's proof of {issuer} with the claims {value!r}": (
            policy(shop=shop(oidc(issuer=issuer, claims=value))),
            f"'{_CLIENT}.claims'",
        )
        for issuer, value in _NO_OWNERS_AT
    },
}
