"""Check the proof of a checkout session."""

from functools import cache

from proofs import compact
from proofs.jwks import KeySets
from proofs.signing_keys import SigningKeys
from proofs.verification import KeysUnavailable, Proof, ProofRejected, Verifier
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, authorizer
from token_broker.errors import Forbidden, StorageUnavailable, Unauthenticated
from token_broker.storefronts.admission import Admission
from token_broker.storefronts.trust_policy import Sessions, TrustPolicy
from token_broker.wiring.storefronts import STOREFRONTS

SESSION_OPERATIONS = frozenset({"chicksx/public-tokens"})
#: No key will be there a moment later either, until the merchant's operator has stored a usable one.
UNMENDED = frozenset({"no_secret", "secret_unusable"})


@authorizer(STOREFRONTS)
def handler(request: AuthorizerRequest, admission: Admission) -> Grant:
    """POST /storefront/{merchant}/…: a JWT that the merchant's policy accepts.

    The gateway keeps the answer for this Authorization, path and method: nothing else of the request may decide here.
    """
    if request.operation not in SESSION_OPERATIONS:
        raise Forbidden("an operation that no proof opens")
    jwt = _bearer(request)
    policy, sessions = _rules(admission, request.merchant)
    proof = _proof(jwt, request.merchant, sessions)
    return Grant(
        merchant=request.merchant,
        origins=policy.origins,
        session_id=proof.session_id,
        expires_at=proof.expires_at,
        scopes=sessions.scopes,
    )


def _bearer(request: AuthorizerRequest) -> str:
    """The JWT that came, which has at least the form of one: no policy is read for what isn't."""
    scheme, _, jwt = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("no Bearer token")
    try:
        return compact.read(jwt).text
    except ProofRejected as rejected:
        raise Unauthenticated(rejected.reason) from None


def _rules(admission: Admission, merchant: str) -> tuple[TrustPolicy, Sessions]:
    """What counts as a proof. Raises `Unauthenticated` where nothing does: a stranger learns nothing of merchants."""
    try:
        policy = admission.policy(merchant)
    except Forbidden as closed:
        raise Unauthenticated(closed.detail) from None
    if policy.sessions is None:
        raise Unauthenticated("a policy without sessions")
    return policy, policy.sessions


def _proof(jwt: str, merchant: str, sessions: Sessions) -> Proof:
    try:
        return _verifier().verify(jwt, merchant, sessions)
    except ProofRejected as rejected:
        raise Unauthenticated(rejected.reason) from None
    except KeysUnavailable as unavailable:
        if unavailable.reason in UNMENDED:
            raise Unauthenticated(unavailable.reason) from None
        failure = StorageUnavailable("The proof cannot be checked just now.")
        failure.add_note(f"keys: {unavailable.reason}")
        raise failure from None


@cache
def _verifier() -> Verifier:
    """Kept for the life of the process: it holds the keys read so far."""
    parts = STOREFRONTS
    return Verifier(
        signing_keys=SigningKeys(parts.proof_keys, parts.clock),
        key_sets=KeySets(_fetch, parts.clock),
        clock=parts.clock,
    )


def _fetch(address: str) -> bytes:
    """An issuer's key set. What fetches is loaded with the first: a merchant's own key needs none of it."""
    from proofs.fetching import Fetching

    parts = STOREFRONTS
    return Fetching(parts.clock, loopback_origin=parts.loopback_jwks_origin)(address)
