"""Check the proof of a checkout session, or of a server or native app."""

from functools import cache

from proofs import compact
from proofs.fetching import KeySetFetcher
from proofs.key_set import key_sets
from proofs.outcomes import PERMANENT, KeysUnavailable
from proofs.signing_keys import signing_keys
from proofs.verification import Verifier
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, authorizer
from token_broker.errors import Forbidden, Unauthenticated
from token_broker.storefronts.admission import Admission
from token_broker.storefronts.trust_policy import TrustPolicy

# Only the proofs of merchants' backends need a secret. Without this, the first of them waits for botocore.
PARTS = wiring.admission(wiring.SECRETS)
SESSION_OPERATIONS = frozenset(wiring.session_operations())
SHOP_OPERATIONS = frozenset(wiring.page_operations())


@authorizer(PARTS, kinds=("storefront", "client"))
def handler(request: AuthorizerRequest, admission: Admission) -> Grant:
    """Handle POST /storefront/{merchant}/… and GET /clients/{merchant}/…: admit a JWT that the policy accepts.

    The route decides which list of the policy counts. A JWT of one list is nothing to the other list's route.
    """
    operations, decide = (SHOP_OPERATIONS, _client) if request.kind == "client" else (SESSION_OPERATIONS, _session)
    if request.operation not in operations:
        raise Forbidden("no proof allows this operation")
    token = _bearer(request)
    try:
        policy = admission.policy(request.merchant)
    except Forbidden as closed:
        # A stranger learns no merchant.
        raise Unauthenticated(closed.detail) from None
    try:
        return decide(request, token, policy, admission)
    except KeysUnavailable as unavailable:
        if unavailable.reason in PERMANENT:
            raise Unauthenticated(unavailable.reason) from None
        raise


def _session(request: AuthorizerRequest, token: compact.Unverified, policy: TrustPolicy, admission: Admission) -> Grant:
    """Return the grant for one session and the page's origin, if the policy admits it.

    The origin takes part in the decision and cannot be an identity source, since apps send none. So API Gateway must
    not cache the decision.
    """
    if policy.sessions is None:
        raise Unauthenticated("the policy allows no sessions")
    proof = _verifier().verify(token, request.merchant, policy.sessions)
    origin = request.header("origin")
    return Grant(
        merchant=request.merchant,
        origins=(origin,) if origin is not None and admission.admits(policy, origin) else (),
        session_id=proof.session_id,
        expires_at=proof.expires_at,
        scopes=policy.sessions.scopes,
    )


def _client(request: AuthorizerRequest, token: compact.Unverified, policy: TrustPolicy, _admission: Admission) -> Grant:
    """Return the grant for the shop's tokens.

    API Gateway caches the decision by Authorization, path and method. Nothing else of the request may take part in it.
    """
    return Grant(merchant=request.merchant, client_until=_verifier().verify_client(token, request.merchant, policy))


def _bearer(request: AuthorizerRequest) -> compact.Unverified:
    """Return the JWT if it has the form of one, so that no policy is read for other texts."""
    scheme, _, jwt = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("no Bearer token")
    return compact.read(jwt)


@cache
def _verifier() -> Verifier:
    """Return the verifier of this process, which caches keys."""
    keys = signing_keys(wiring.proof_keys(PARTS), PARTS.clock)
    return Verifier(keys, key_sets(_fetch, PARTS.clock), PARTS.clock)


def _fetch(address: str) -> bytes:
    """Return an issuer's key set."""
    return KeySetFetcher(PARTS.clock, wiring.loopback_jwks_origin()).fetch(address)
