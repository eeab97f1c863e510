"""A JWT of a server or a native app opens the shop's tokens: whose it must be, and that it is for no session.

The claims are those that Vercel, GitHub Actions and Firebase document, signed by keys of the same kind.
"""

from typing import Any, NamedTuple

import jwt
import pytest

from proofs.outcomes import ProofRejected
from tests.fakes import trust_policies
from tests.fakes.clock import NOW
from tests.fakes.proofs import AUDIENCE, OTHER_SECRET, SECRET, SHOP, Desk, by_backend, by_hand, claims, jwk, rsa_key
from tests.fakes.trust_policies import hs256, parse, policy, sessions
from token_broker.storefronts.trust_policy import TrustPolicy

EXP = int(NOW) + 600
BOTH = parse(policy(sessions=sessions(hs256()), shop=trust_policies.shop(hs256())))
CLIENTS = parse(policy(shop=trust_policies.shop(hs256())))


class Issuer(NamedTuple):
    """An issuer that signs tokens of many owners: its tokens' header and claims, and the rule for one owner.

    `others` are claims of a token that another owner gets, `audience` one for another service of the same owner.
    """

    jwks_uri: str
    header: dict[str, Any]
    claims: dict[str, Any]
    owner: dict[str, Any]
    others: dict[str, Any]

    @property
    def policy(self) -> TrustPolicy:
        rule = {
            "type": "oidc",
            "issuer": self.claims["iss"],
            "audience": self.claims["aud"],
            "jwksUri": self.jwks_uri,
            "claims": self.owner,
        }
        return parse(policy(shop={"proofs": [rule]}))

    def token(self, **changes: Any) -> str:
        said = {"iat": int(NOW), "nbf": int(NOW), "exp": EXP, **self.claims, **changes}
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(kept, rsa_key(), "RS256", headers=self.header)


ISSUERS = {
    "vercel": Issuer(
        "https://oidc.vercel.com/.well-known/jwks",
        {"kid": "key-1"},
        {
            "iss": "https://oidc.vercel.com",
            "aud": "https://vercel.com/acme",
            "sub": "owner:acme:project:shop:environment:production",
            "owner": "acme",
            "owner_id": "team_acme",
            "project": "shop",
            "project_id": "prj_shop",
            "environment": "production",
        },
        {"owner_id": "team_acme", "project_id": "prj_shop", "environment": "production"},
        # A deployment can ask for a token with any audience.
        {"owner": "evil", "owner_id": "team_evil", "sub": "owner:evil:project:shop:environment:production"},
    ),
    "github": Issuer(
        "https://token.actions.githubusercontent.com/.well-known/jwks",
        {"kid": "key-1", "x5t": "eHRoZS10aHVtYnByaW50"},
        {
            "iss": "https://token.actions.githubusercontent.com",
            "aud": "token-broker",
            "sub": "repo:acme/shop:ref:refs/heads/main",
            "repository": "acme/shop",
            "repository_id": "74",
            "repository_owner": "acme",
            "repository_owner_id": "65",
            "ref": "refs/heads/main",
            "runner_environment": "github-hosted",
            "jti": "example-id",
        },
        {"repository_owner_id": "65", "repository_id": "74"},
        # Somebody else's account of the same name, after it was given up, has another id.
        {"repository_owner_id": "66"},
    ),
    "firebase": Issuer(
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        {"kid": "key-1"},
        {
            "iss": "https://securetoken.google.com/acme-apps",
            "aud": "acme-apps",
            "sub": "user-1",
            "user_id": "user-1",
            "auth_time": int(NOW) - 60,
            "provider_id": "anonymous",
            "firebase": {"identities": {}, "sign_in_provider": "anonymous"},
            "merchant": "acme",
        },
        {"merchant": "acme"},
        {"merchant": "other"},
    ),
}
of_each = pytest.mark.parametrize("issuer", ISSUERS.values(), ids=ISSUERS)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    for issuer in ISSUERS.values():
        made.issuer.publishes(jwk(rsa_key(), kid="key-1", use="sig", x5c=["MII"]), at=issuer.jwks_uri)
    return made


def for_shop(secret: str = SECRET, **others: Any) -> str:
    """Sign a proof for the shop's tokens as the merchant's backend."""
    return by_backend(secret, **{"sid": None, "sub": "shop", **others})


def refusal(desk: Desk, text: str, said: TrustPolicy, merchant: str = "acme") -> str:
    with pytest.raises(ProofRejected) as rejected:
        desk.verify_client(text, said, merchant)
    return rejected.value.detail


@of_each
def test_an_issuers_token_of_the_owner_is_good_until_its_end(desk: Desk, issuer: Issuer) -> None:
    assert desk.verify_client(issuer.token(), issuer.policy) == EXP


@of_each
def test_a_token_of_another_owner_of_the_same_issuer_is_refused(desk: Desk, issuer: Issuer) -> None:
    assert refusal(desk, issuer.token(**issuer.others), issuer.policy) == "wrong_claim"


@of_each
def test_a_token_without_the_owners_claim_is_refused(desk: Desk, issuer: Issuer) -> None:
    assert refusal(desk, issuer.token(**dict.fromkeys(issuer.owner)), issuer.policy) == "wrong_claim"


@of_each
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another-service"}, "wrong_audience"),
        ({"aud": None}, "missing_claim"),
        ({"exp": int(NOW) - 60}, "expired"),
        ({"exp": None}, "missing_claim"),
        ({"nbf": int(NOW) + 60}, "not_yet_valid"),
        ({"iss": "https://evil.example"}, "unknown_issuer"),
        ({"iss": "https://oidc.vercel.com/evil"}, "unknown_issuer"),
    ],
)
def test_a_token_for_another_service_or_time_or_by_another_issuer_is_refused(
    desk: Desk, issuer: Issuer, changes: dict[str, Any], reason: str
) -> None:
    assert refusal(desk, issuer.token(**changes), issuer.policy) == reason


@of_each
def test_a_token_that_the_issuer_has_not_signed_is_refused(desk: Desk, issuer: Issuer) -> None:
    said = {"exp": EXP, **issuer.claims}
    forged = jwt.encode(said, rsa_key(number=2), "RS256", headers={"kid": "key-1"})

    assert refusal(desk, forged, issuer.policy) == "bad_signature"
    assert refusal(desk, by_hand({"alg": "none", "kid": "key-1"}, said), issuer.policy) == "wrong_algorithm"
    assert refusal(desk, jwt.encode(said, "x" * 32, "HS256"), issuer.policy) == "wrong_algorithm"


@of_each
def test_an_issuer_of_clients_proves_no_session(desk: Desk, issuer: Issuer) -> None:
    """A token can carry a claim `sid`, as many issuers' tokens do. Only the list decides."""
    token = issuer.token(sid="s-1")

    assert desk.verify_client(token, issuer.policy) == EXP
    assert desk.refusal(token) == "unknown_issuer"


# The merchant's own backend


def test_a_backends_proof_without_a_session_is_good_until_its_end(desk: Desk) -> None:
    assert desk.verify_client(for_shop(), CLIENTS) == EXP
    assert desk.verify_client(for_shop(), BOTH) == EXP


@pytest.mark.parametrize("said", [BOTH, CLIENTS], ids=["both lists", "clients alone"])
@pytest.mark.parametrize("sid", ["s-1", "", 7, {"a": 1}])
def test_a_backends_proof_of_a_session_is_for_that_session_only(desk: Desk, said: TrustPolicy, sid: Any) -> None:
    """A browser holds it, and it has the issuer, the audience and the key of the list."""
    assert refusal(desk, for_shop(sid=sid), said) == "for_a_session"


@pytest.mark.parametrize("sub", [None, "", "visitor-1", "Shop"])
def test_a_backends_proof_needs_the_shop_as_its_subject(desk: Desk, sub: Any) -> None:
    assert refusal(desk, for_shop(sub=sub), CLIENTS) == "not_for_the_shop"


@pytest.mark.parametrize(
    "later", [BOTH, CLIENTS, parse(policy(sessions=sessions(hs256(sessionClaim="basket")), shop=trust_policies.shop()))]
)
def test_a_sessions_proof_opens_no_shop_after_a_change_of_the_sessions_claim(desk: Desk, later: TrustPolicy) -> None:
    """A browser got it while the policy had another `sessionClaim`."""
    assert refusal(desk, by_backend(sid=None, cart="c-1"), later) == "not_for_the_shop"


def test_a_session_can_have_another_claim(desk: Desk) -> None:
    said = parse(policy(sessions=sessions(hs256(sessionClaim="cart")), shop=trust_policies.shop(hs256())))

    assert refusal(desk, for_shop(cart="c-1"), said) == "for_a_session"
    assert refusal(desk, by_backend(), said) == "for_a_session"
    assert desk.verify_client(for_shop(), said) == EXP


def test_a_proof_for_the_shop_opens_no_session(desk: Desk) -> None:
    assert desk.refusal(for_shop()) == "bad_session"


def test_a_list_takes_no_proof_of_the_other_list(desk: Desk) -> None:
    of_sessions = parse(policy(sessions=sessions(hs256())))
    for_others = parse(policy(sessions=sessions(hs256()), shop=trust_policies.shop(hs256(audience="servers"))))

    assert refusal(desk, for_shop(), of_sessions) == "unknown_issuer"
    assert refusal(desk, for_shop(), for_others) == "wrong_audience"
    assert desk.verify_client(for_shop(aud="servers"), for_others) == EXP


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (by_hand({"alg": "none"}, claims(sid=None, sub="shop")), "wrong_algorithm"),
        (by_hand({"alg": "RS256"}, claims(sid=None, sub="shop")), "wrong_algorithm"),
        (for_shop(OTHER_SECRET), "bad_signature"),
        (for_shop(exp=int(NOW) - 60), "expired"),
        (for_shop(exp=int(NOW) + 2 * 24 * 60 * 60), "too_long"),
        (for_shop(aud="another"), "wrong_audience"),
        (for_shop(kid="k9"), "unknown_key"),
    ],
)
def test_a_backends_proof_that_is_none_is_refused(desk: Desk, token: str, reason: str) -> None:
    assert refusal(desk, token, CLIENTS) == reason


def test_a_backends_proof_counts_with_its_own_merchants_key(desk: Desk) -> None:
    desk.secrets.stored["other"] = {"keys": {"k1": OTHER_SECRET}}

    assert refusal(desk, for_shop(), CLIENTS, "other") == "bad_signature"
    assert (CLIENTS.shop[0].issuer, CLIENTS.shop[0].audience) == (SHOP, AUDIENCE), "only the key tells them apart"
