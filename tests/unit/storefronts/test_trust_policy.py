"""Reading a trust policy: what it says, what is refused, and that no refusal repeats what stands in the document."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.fakes.trust_policies import (
    FIREBASE,
    REFUSED,
    SHOP,
    TAKEN,
    VERCEL,
    hs256,
    oidc,
    parse,
    policy,
    sessions,
    shop,
)
from token_broker.aws.store.attributes import unwrap, wrap
from token_broker.errors import InvalidRequest
from token_broker.storefronts.trust_policy import ProofRule, Sessions, TrustPolicy

CANARY = "sk-live-canary"


def refusal(document: Any, **settings: str) -> str:
    with pytest.raises(InvalidRequest) as raised:
        parse(document, **settings)
    return raised.value.detail


def test_a_policy_says_who_may_come_with_what() -> None:
    document = {
        "version": 1,
        "origins": ["https://shop.example", "http://localhost:3000"],
        "anonymous": ["shopify/storefront-access-token"],
        "sessions": {
            "scopes": ["wallet.read", "merchant.read"],
            "proofs": [
                {"type": "hs256", "issuer": "shop", "audience": "token-broker", "sessionClaim": "session"},
                {
                    "type": "oidc",
                    "issuer": "https://login.example",
                    "audience": "storefront",
                    "jwksUri": "https://login.example/jwks.json",
                    "claims": {"shop": "demo", "level": 2, "verified": True},
                },
            ],
        },
    }

    assert parse(document) == TrustPolicy(
        ("https://shop.example", "http://localhost:3000"),
        frozenset({"shopify/storefront-access-token"}),
        Sessions(
            (
                ProofRule("shop", "token-broker", "session", {}),
                ProofRule(
                    "https://login.example",
                    "storefront",
                    "sid",
                    {"shop": "demo", "level": 2, "verified": True},
                    "https://login.example/jwks.json",
                ),
            ),
            ("wallet.read", "merchant.read"),
        ),
    )


def test_a_policy_says_which_servers_and_apps_get_the_shops_tokens() -> None:
    said = parse(policy(shop=shop(hs256(), oidc(claims={"owner_id": "team-1"}))))

    assert [(rule.issuer, rule.claims, rule.jwks_uri) for rule in said.shop] == [
        (SHOP, {}, None),
        ("https://login.example", {"owner_id": "team-1"}, "https://login.example/.well-known/jwks.json"),
    ]
    assert (parse(policy()).shop, said.sessions) == ((), None)


def test_an_issuer_without_the_owners_claim_is_refused_with_what_to_write() -> None:
    """A token of anybody else with the same issuer would open the shop."""
    expected = (
        "'shop.proofs[0].claims' must have at least one claim that names the token's owner, since the issuer signs "
        "tokens of others, too: "
    )
    assert refusal(policy(shop=shop(oidc(claims={"aud": "a"})))) == (
        f"{expected}such as 'owner_id' or 'repository_owner_id'. Booleans, aud, email_verified, environment, exp, iat, "
        "iss, jti, nbf, ref name no owner."
    )
    assert refusal(policy(shop=shop(oidc(issuer=f"{VERCEL}/acme", claims={"owner": "a"})))) == (
        f"{expected}'owner_id' or 'project_id' for this issuer."
    )
    assert refusal(policy(shop=shop(oidc(issuer=FIREBASE, claims={"name": "a"})))) == (
        f"{expected}a custom claim of yours for this issuer."
    )


def test_a_preview_origin_counts_until_its_end_and_the_policys_own_for_ever() -> None:
    preview, other = "https://preview.example", "https://other.example"
    said = parse(policy())._replace(previews={preview: 100})

    assert [said.admits(each, 99.9) for each in (SHOP, preview, other)] == [True, True, False]
    assert [said.admits(each, 100.0) for each in (SHOP, preview, other)] == [True, False, False]


def test_without_an_own_name_the_session_claim_is_sid_and_no_claim_has_to_match() -> None:
    said = parse(policy(sessions=sessions(hs256(), oidc()))).sessions

    assert said is not None
    assert [(proof.session_claim, dict(proof.claims)) for proof in said.proofs] == [("sid", {}), ("sid", {})]


@pytest.mark.parametrize("document", TAKEN.values(), ids=TAKEN)
def test_a_document_within_the_bounds_is_taken_and_left_as_it_is(document: dict[str, Any]) -> None:
    before = deepcopy(document)

    said = parse(document)

    assert list(said.origins) == document["origins"]
    assert said.anonymous == set(document.get("anonymous", []))
    assert (said.sessions is None) == ("sessions" not in document)
    assert document == before


@pytest.mark.parametrize("document", TAKEN.values(), ids=TAKEN)
def test_a_policy_means_the_same_after_it_was_in_the_table(document: dict[str, Any]) -> None:
    assert parse(unwrap(wrap(document))) == parse(document)


@pytest.mark.parametrize(("document", "where"), REFUSED.values(), ids=REFUSED)
def test_a_document_beyond_the_rules_is_refused_by_the_members_path(document: Any, where: str) -> None:
    assert refusal(document).startswith(f"{where} must ")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 10**400])
def test_a_claim_that_is_no_finite_number_is_refused(value: float) -> None:
    """`1e400` is JSON, and Python reads it as infinity."""
    assert refusal(policy(sessions=sessions(hs256(claims={"n": value})))).startswith(
        "'sessions.proofs[0].claims' must "
    )


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    """It can be stored nowhere."""
    for name, value in {"issuer": text, "sessionClaim": text, "claims": {"shop": text}}.items():
        assert f"'sessions.proofs[0].{name}' must" in refusal(policy(sessions=sessions(hs256(**{name: value}))))
    assert "'sessions.proofs[0].claims' must" in refusal(policy(sessions=sessions(hs256(claims={text: 1}))))


def test_an_origin_that_no_browser_sends_so_is_refused_with_what_to_write() -> None:
    assert refusal(policy(origins=[SHOP, "https://www.shop.example:443"])) == (
        "'origins[1]' must be an origin without ':443'. Browsers leave out the default port of https."
    )


def test_a_jwks_uri_that_is_not_public_is_refused_with_what_to_write() -> None:
    assert refusal(policy(sessions=sessions(hs256(), oidc(jwksUri="https://169.254.169.254/jwks")))) == (
        "'sessions.proofs[1].jwksUri' must be an address whose host is a full name like login.example, "
        "not an IP address or a single word."
    )


def test_a_loopback_issuer_is_taken_only_where_the_stack_names_it() -> None:
    uri = "http://127.0.0.1:8123/jwks"
    document = policy(sessions=sessions(oidc(jwksUri=uri)))

    said = parse(document, loopback_jwks_origin="http://127.0.0.1:8123").sessions

    assert said is not None
    assert [proof.jwks_uri for proof in said.proofs if proof.jwks_uri is not None] == [uri]
    assert "'sessions.proofs[0].jwksUri' must be" in refusal(document)
    assert "'sessions.proofs[0].jwksUri' must be" in refusal(document, loopback_jwks_origin="http://127.0.0.1:8124")


def test_true_stays_true_and_one_stays_one() -> None:
    said = parse(
        policy(sessions=sessions(hs256(claims={"flag": True, "number": 1, "text": "1", "half": 0.5})))
    ).sessions

    assert said is not None
    assert {name: (type(value), value) for name, value in said.proofs[0].claims.items()} == {
        "flag": (bool, True),
        "number": (int, 1),
        "text": (str, "1"),
        "half": (float, 0.5),
    }


def test_a_policy_cannot_be_changed_through_the_document_it_was_read_from() -> None:
    document = policy(sessions=sessions(hs256(claims={"shop": "demo"})))
    said = parse(document)

    document["origins"].append("https://evil.example")
    document["sessions"]["scopes"].append("wallet.write")
    document["sessions"]["proofs"][0]["claims"]["shop"] = "other"

    assert said == parse(policy(sessions=sessions(hs256(claims={"shop": "demo"}))))


@pytest.mark.parametrize(
    "document",
    [
        CANARY,
        {CANARY: CANARY},
        policy(**{CANARY: CANARY}),
        policy(version=CANARY),
        policy(origins=CANARY),
        policy(origins=[CANARY]),
        policy(origins=[f"https://{CANARY}.example"] * 2),
        policy(anonymous=CANARY),
        policy(anonymous=[CANARY]),
        policy(sessions=CANARY),
        policy(sessions=sessions(**{CANARY: CANARY})),
        policy(sessions=sessions(CANARY)),
        policy(sessions=sessions(hs256(type=CANARY))),
        policy(sessions=sessions(hs256(**{CANARY: CANARY}))),
        policy(sessions=sessions(hs256(issuer=CANARY), hs256(issuer=CANARY))),
        policy(sessions=sessions(hs256(issuer=f"{CANARY}\n"))),
        policy(sessions=sessions(hs256(audience=CANARY * 30))),
        policy(sessions=sessions(hs256(sessionClaim=[CANARY]))),
        policy(sessions=sessions(hs256(claims={f"{CANARY}\n": 1}))),
        policy(sessions=sessions(hs256(claims={CANARY: [CANARY]}))),
        policy(sessions=sessions(oidc(jwksUri=CANARY))),
        policy(sessions=sessions(scopes=CANARY)),
        policy(sessions=sessions(scopes=[f"{CANARY} {CANARY}"])),
        policy(sessions=sessions(scopes=[CANARY, CANARY])),
        policy(shop={CANARY: CANARY}),
        policy(shop=shop(oidc(claims={"aud": CANARY}))),
        policy(shop=shop(hs256(sessionClaim=CANARY))),
    ],
    ids=str,
)
def test_no_refusal_repeats_a_value_or_an_unknown_name(document: Any) -> None:
    detail = refusal(document)

    assert CANARY not in detail
    assert CANARY not in json.dumps(InvalidRequest(detail).problem("request"))


def test_a_refusal_says_which_operations_and_members_there_are() -> None:
    assert refusal(policy(anonymous=["chicksx/public-tokens"])) == (
        "'anonymous[0]' must be 'fourthwall/public-token' or 'shopify/storefront-access-token'."
    )
    assert refusal(policy(sessions=sessions(hs256(jwksUri="https://login.example/jwks", key="k")))) == (
        "'sessions.proofs[0]' must have no members other than type, issuer, audience, sessionClaim, claims. It has 2."
    )
    assert refusal(policy(origin=SHOP)) == (
        "The trust policy must have no members other than version, origins, anonymous, sessions, shop. It has 1."
    )
