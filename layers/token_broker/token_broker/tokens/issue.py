"""Issue tokens: from the cache, from the store, or newly minted.

read ──fresh enough──▶ respond
  │
  └─▶ acquire the lease, which stores the intent ─▶ mint (see `mint`) ─▶ respond
         └─ another caller holds the lease: wait a little, and read again
"""

import hashlib
import json

from token_broker.clock import Deadline
from token_broker.domain.caller import principal
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, SubjectState
from token_broker.domain.ownership_tag import key_id_of, new_intent_id, new_owner
from token_broker.domain.token import SERVABLE, SHOP, Token, session_subject
from token_broker.errors import (
    Conflict,
    InvalidRequest,
    MintInProgress,
    ProviderFailure,
    SessionClosed,
    StorageUnavailable,
)
from token_broker.ports.provider import ListingProvider, MintRequest, Provider
from token_broker.tokens.call import PROVIDER_BUDGET, WAIT_FOR_OTHERS, Call

#: The shortest and the longest pause between two reads while another caller mints, in seconds.
MIN_WAIT, MAX_WAIT = 0.2, 1.0
#: Seconds for the confirmation of a token that could be served unconfirmed.
RECHECK_BUDGET = 3.0
#: The title of every current token. The creator of a standing token chooses its title.
CURRENT_TITLE = "Token Broker"


def shop_token(call: Call[Provider], merchant: str, *, fresh: bool = False) -> Token:
    """Return the shop's current token, and mint it if there is none.

    `fresh` skips the cache, and confirms the token at a provider that keeps only one.
    """
    cached = None if fresh else call.cache.get(merchant)
    if cached is not None and cached.left(call.clock.now()) > call.min_remaining_seconds:
        call.telemetry.count("TokensServedFromMemory")
        call.telemetry.annotate(served="memory")
        return cached
    started, started_wall = call.clock.monotonic(), call.clock.now()
    intent_id, until = new_intent_id(), call.deadline.within(WAIT_FOR_OTHERS)
    while True:
        read_at = call.clock.monotonic()
        state = call.store.subject_state(merchant, SHOP)
        token = _usable(call, state)
        recheck = call.provider.capabilities.recheck_after
        age = call.clock.now() - state.checked_at
        recheck_due = recheck is not None and (age >= recheck if not fresh else state.checked_at < started_wall)
        if token is not None and not recheck_due:
            call.telemetry.count("TokensServedFromStore")
            call.cache.put(merchant, token, read_at=read_at)
            return token
        try:
            # Before the lease is acquired, so that nothing is stored for an unknown merchant.
            account_id = call.account(merchant).account_id
        except StorageUnavailable:
            if token is None or fresh:
                raise
            return token
        lease_request = LeaseRequest(
            merchant=merchant,
            subject=SHOP,
            intent_id=intent_id,
            owner=new_owner(),
            title=CURRENT_TITLE if call.provider.capabilities.supports_title_tag else None,
            requested_by=call.caller,
            findable=call.provider.capabilities.supports_title_tag,
            account_id=account_id,
        )
        lease = _acquire(call, lease_request, state)
        if isinstance(lease, MintLease):
            break
        if token is not None and not fresh:
            return token  # another caller is confirming it already
        wait_for_other(call, until)
    try:
        # A caller for whom a token is stored does not wait long for its confirmation.
        budget = PROVIDER_BUDGET if token is None or fresh else RECHECK_BUDGET
        from token_broker.tokens.mint import mint_current

        token = mint_current(call, lease, MintRequest(), known=token, budget=budget)
    except (ProviderFailure, StorageUnavailable) as failure:
        # The request only had to confirm the stored token, which most likely still works.
        if token is None or fresh or not failure.retryable:
            raise
        call.telemetry.notice("stored_token_served_unconfirmed", code=failure.code)
    call.cache.put(merchant, token, read_at=started)
    return token


def session_token(
    call: Call[Provider],
    merchant: str,
    session_id: str,
    scope: tuple[str, ...] | None,
    *,
    default_scope: tuple[str, ...] | None = None,
) -> tuple[Token, bool]:
    """Return the session's token, and whether it was minted by this call.

    A new token gets `scope`, else `default_scope`, else the provider's choice. Raises `SessionClosed` if the session is
    closed, and `Conflict` if it has a token with other scopes.
    """
    subject = session_subject(session_id)
    mint_request = MintRequest(session_id=session_id, scope=scope or default_scope)
    intent_id, until = new_intent_id(), call.deadline.within(WAIT_FOR_OTHERS)
    while True:
        state = call.store.subject_state(merchant, subject)
        if state.closed:
            raise SessionClosed
        token = _usable(call, state)
        if token is not None:
            _check_scope(token, scope)
            call.telemetry.count("TokensServedFromStore")
            return token, False
        if not call.provider.capabilities.sessions:
            # Its token would be for the whole shop, not for one session.
            raise InvalidRequest("This provider has no tokens for checkout sessions.")
        call.account(merchant)
        lease_request = LeaseRequest(
            merchant=merchant,
            subject=subject,
            intent_id=intent_id,
            owner=new_owner(),
            requested_by=call.caller,
        )
        lease = _acquire(call, lease_request, state)
        if isinstance(lease, MintLease):
            from token_broker.tokens.mint import mint_current

            return mint_current(call, lease, mint_request), True
        wait_for_other(call, until)


def standing_token(call: Call[ListingProvider], merchant: str, title: str, key: str | None) -> Token:
    """Mint a standing token with its own title, or return the one that this Idempotency-Key created before.

    Raises `Conflict` if the key was used with another title, or its token has ended.
    """
    route = f"{call.provider.name}/standing/{merchant}"
    lease_request = LeaseRequest(
        merchant=merchant,
        subject=SHOP,
        intent_id=new_intent_id(),
        owner=new_owner(),
        title=title,
        requested_by=call.caller,
        key_id=None if key is None else key_id_of(principal(call.caller), route, key),
        body_hash=None if key is None else _body_hash(title),
        findable=True,
        account_id=call.account(merchant).account_id,
    )
    until = call.deadline.within(WAIT_FOR_OTHERS)
    while isinstance(lease := call.store.acquire_standing(lease_request), LeaseHeld):
        wait_for_other(call, until)
    if isinstance(lease, IdempotentReplay):
        if lease.token.state not in SERVABLE:
            raise Conflict("The token of this Idempotency-Key was revoked. Use a new key to create another token.")
        call.telemetry.count("TokensServedFromStore")
        return lease.token
    from token_broker.tokens.mint import mint_standing

    return mint_standing(call, lease)


def _usable(call: Call[Provider], state: SubjectState) -> Token | None:
    token = state.token
    if token is None or token.access_token is None or token.state not in SERVABLE:
        return None
    return token if token.left(call.clock.now()) > call.min_remaining_seconds else None


def _acquire(call: Call[Provider], lease_request: LeaseRequest, state: SubjectState) -> MintLease | LeaseHeld:
    """Acquire the lease unless it is held, since otherwise every waiter would write to the same item."""
    return LeaseHeld() if state.lease_expires_at > call.clock.now() else call.store.acquire(lease_request, state)


def _check_scope(token: Token, scope: tuple[str, ...] | None) -> None:
    if scope is None or set(scope) in (set(token.scope), set(token.requested_scope or ())):
        return
    raise Conflict(
        "This session has a token with other scopes. Leave 'scope' out, send the same scopes or start another session."
    )


def wait_for_other(call: Call[Provider], until: Deadline) -> None:
    """Wait a moment for another caller's mint. Raises `MintInProgress` once `until` has passed."""
    left = until.left()
    if left <= 0:
        raise MintInProgress
    call.clock.sleep(min(left, MIN_WAIT + (MAX_WAIT - MIN_WAIT) * call.jitter()))


def _body_hash(title: str) -> str:
    return hashlib.sha256(json.dumps({"title": title}).encode()).hexdigest()
