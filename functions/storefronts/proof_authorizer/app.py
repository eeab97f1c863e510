"""Check the proof of a checkout session."""

from functools import cache

from proofs import compact
from proofs.jwks import KeySets
from proofs.signing_keys import SigningKeys
from proofs.verification import KeysUnavailable, Proof, ProofRejected, Verifier
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, authorizer
from token_broker.errors import Forbidden, StorageUnavailable, Unauthenticated
from token_broker.storefronts.admission import Admission
from token_broker.storefronts.trust_policy import Sessions, TrustPolicy

PARTS = wiring.admission()
SESSION_OPERATIONS = frozenset(wiring.session_operations())
#: Permanent until the merchant's operator stores a usable key, so a retry does not help.
PERMANENT = frozenset({"no_secret", "secret_unusable"})


@authorizer(PARTS)
def handler(request: AuthorizerRequest, admission: Admission) -> Grant:
    """Handle POST /storefront/{merchant}/…: admit a request with a JWT that the merchant's policy accepts.

    API Gateway caches the decision by Authorization, path and method. Nothing else of the request may take part in it.
    """
    if request.operation not in SESSION_OPERATIONS:
        raise Forbidden("no proof allows this operation")
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
    """Return the JWT if it has the form of one, so that no policy is read for other texts."""
    scheme, _, jwt = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("no Bearer token")
    try:
        return compact.read(jwt).text
    except ProofRejected as rejected:
        raise Unauthenticated(rejected.reason) from None


def _rules(admission: Admission, merchant: str) -> tuple[TrustPolicy, Sessions]:
    """Return the policy and its proofs. Raises `Unauthenticated` without them, so a stranger learns no merchant."""
    try:
        policy = admission.policy(merchant)
    except Forbidden as closed:
        raise Unauthenticated(closed.detail) from None
    if policy.sessions is None:
        raise Unauthenticated("the policy allows no sessions")
    return policy, policy.sessions


def _proof(jwt: str, merchant: str, sessions: Sessions) -> Proof:
    try:
        return _verifier().verify(jwt, merchant, sessions)
    except ProofRejected as rejected:
        raise Unauthenticated(rejected.reason) from None
    except KeysUnavailable as unavailable:
        if unavailable.reason in PERMANENT:
            raise Unauthenticated(unavailable.reason) from None
        failure = StorageUnavailable("The proof cannot be checked now.")
        failure.add_note(f"keys: {unavailable.reason}")
        raise failure from None


@cache
def _verifier() -> Verifier:
    """Return the verifier of this process, which caches keys."""
    return Verifier(
        signing_keys=SigningKeys(wiring.proof_keys(PARTS), PARTS.clock),
        key_sets=KeySets(_fetch, PARTS.clock),
        clock=PARTS.clock,
    )


def _fetch(address: str) -> bytes:
    """Return an issuer's key set. The fetcher is imported here, since a merchant's own keys do not need it."""
    from proofs.fetching import KeySetFetcher

    return KeySetFetcher(PARTS.clock, loopback_origin=wiring.loopback_jwks_origin())(address)
