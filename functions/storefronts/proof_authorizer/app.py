"""Check the proof of a checkout session."""

from functools import cache

from proofs import compact
from proofs.key_set import key_sets
from proofs.outcomes import PERMANENT, KeysUnavailable, Proof
from proofs.signing_keys import signing_keys
from proofs.verification import Verifier
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, authorizer
from token_broker.errors import Forbidden, Unauthenticated
from token_broker.storefronts.admission import Admission
from token_broker.storefronts.trust_policy import Sessions, TrustPolicy

PARTS = wiring.admission()
SESSION_OPERATIONS = frozenset(wiring.session_operations())


@authorizer(PARTS)
def handler(request: AuthorizerRequest, admission: Admission) -> Grant:
    """Handle POST /storefront/{merchant}/…: admit a request with a JWT that the merchant's policy accepts.

    API Gateway caches the decision by Authorization, path and method. Nothing else of the request may take part in it.
    """
    if request.operation not in SESSION_OPERATIONS:
        raise Forbidden("no proof allows this operation")
    token = _bearer(request)
    policy, sessions = _rules(admission, request.merchant)
    proof = _proof(token, request.merchant, sessions)
    return Grant(
        merchant=request.merchant,
        origins=policy.origins,
        session_id=proof.session_id,
        expires_at=proof.expires_at,
        scopes=sessions.scopes,
    )


def _bearer(request: AuthorizerRequest) -> compact.Unverified:
    """Return the JWT if it has the form of one, so that no policy is read for other texts."""
    scheme, _, jwt = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("no Bearer token")
    return compact.read(jwt)


def _rules(admission: Admission, merchant: str) -> tuple[TrustPolicy, Sessions]:
    """Return the policy and its proofs. Raises `Unauthenticated` without them, so a stranger learns no merchant."""
    try:
        policy = admission.policy(merchant)
    except Forbidden as closed:
        raise Unauthenticated(closed.detail) from None
    if policy.sessions is None:
        raise Unauthenticated("the policy allows no sessions")
    return policy, policy.sessions


def _proof(token: compact.Unverified, merchant: str, sessions: Sessions) -> Proof:
    try:
        return _verifier().verify(token, merchant, sessions)
    except KeysUnavailable as unavailable:
        if unavailable.reason in PERMANENT:
            raise Unauthenticated(unavailable.reason) from None
        raise


@cache
def _verifier() -> Verifier:
    """Return the verifier of this process, which caches keys."""
    keys = signing_keys(wiring.proof_keys(PARTS), PARTS.clock)
    return Verifier(keys, key_sets(_fetch, PARTS.clock), PARTS.clock)


def _fetch(address: str) -> bytes:
    """Return an issuer's key set. The fetcher is imported here, since a merchant's own keys do not need it."""
    from proofs.fetching import KeySetFetcher

    return KeySetFetcher(PARTS.clock, wiring.loopback_jwks_origin()).fetch(address)
