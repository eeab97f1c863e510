"""Issue tokens: from the cache, from the store, or newly minted.

read ──fresh enough──▶ respond
  │
  └─▶ acquire the lease, which stores the intent ─▶ mint (see `mint`) ─▶ respond
         └─ another caller holds the lease: wait a little, and read again
"""

import hashlib
import json

from token_broker.domain.caller import principal
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, SubjectState
from token_broker.domain.ownership_tag import key_id_of, new_intent_id, new_owner
from token_broker.domain.token import SERVABLE, SHOP, Token, session_subject
from token_broker.errors import (
    Conflict,
    InvalidRequest,
    MintInProgress,
    ProviderFailure,
    RateLimited,
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


class Attempt:
    """Hold what one call keeps between two reads of its subject: when it started, its intent and how long it waits."""

    __slots__ = ("call", "intent_id", "started", "started_wall", "until")

    def __init__(self, call: Call[Provider]) -> None:
        self.call = call
        self.started, self.started_wall = call.clock.monotonic(), call.clock.now()
        self.intent_id = new_intent_id()
        self.until = call.deadline.within(WAIT_FOR_OTHERS)

    def must_confirm(self, state: SubjectState, *, fresh: bool) -> bool:
        """Return whether the provider must confirm the stored token, which it may have replaced."""
        longest = self.call.capabilities.recheck_after
        if longest is None:
            return False
        if fresh:
            return state.checked_at < self.started_wall
        return self.call.clock.now() - state.checked_at >= longest

    def is_held(self, state: SubjectState) -> bool:
        """Return whether another caller holds the lease."""
        return state.lease_expires_at > self.call.clock.now()

    def check_quota(self, merchant: str) -> None:
        """Refuse a mint that is known to exceed the merchant's quota. A flood of sessions then costs no writes."""
        try:
            self.call.store.mint_quotas.check(merchant)
        except RateLimited:
            self.call.telemetry.count("MintsRefused")
            raise

    def acquire(self, state: SubjectState, merchant: str, subject: str, account_id: str) -> MintLease | None:
        """Acquire the lease for the subject's current token, or return None if another caller holds it."""
        if self.is_held(state):
            return None  # otherwise every waiter would write to the same item
        findable = subject == SHOP and self.call.capabilities.supports_title_tag
        lease_request = self.lease_request(merchant, subject, account_id, CURRENT_TITLE if findable else None)
        lease = self.call.store.leases.acquire(lease_request, state)
        return lease if isinstance(lease, MintLease) else None

    def lease_request(self, merchant: str, subject: str, account_id: str, title: str | None) -> LeaseRequest:
        """Return the request for a lease with this call's intent. A token with a title can be found by it."""
        return LeaseRequest(
            merchant,
            subject,
            self.intent_id,
            owner=new_owner(),
            title=title,
            requested_by=self.call.caller,
            findable=title is not None,
            account_id=account_id,
        )

    def wait_for_other(self) -> None:
        """Wait a moment for another caller's mint. Raises `MintInProgress` once the time for that is over."""
        left = self.until.left()
        if left <= 0:
            raise MintInProgress
        self.call.clock.sleep(min(left, MIN_WAIT + (MAX_WAIT - MIN_WAIT) * self.call.jitter()))


def shop_token(call: Call[Provider], merchant: str, *, fresh: bool = False) -> Token:
    """Return the shop's current token, and mint it if there is none.

    `fresh` skips the cache, and confirms the token at a provider that keeps only one.
    """
    if not fresh and (cached := _cached(call, merchant)) is not None:
        return cached
    attempt = Attempt(call)
    while True:
        read_at = call.clock.monotonic()
        state = call.store.leases.state(merchant, SHOP)
        stored = _usable(call, state)
        if stored is not None and not attempt.must_confirm(state, fresh=fresh):
            call.telemetry.count("TokensServedFromStore")
            call.cache.put(merchant, stored, read_at=read_at)
            return stored
        try:
            # Before the lease is acquired, so that nothing is stored for an unknown merchant.
            account_id = call.account(merchant).account_id
        except StorageUnavailable:
            if stored is None or fresh:
                raise
            return stored
        lease = attempt.acquire(state, merchant, SHOP, account_id)
        if lease is not None:
            return _mint_or_serve_stored(attempt, lease, stored, fresh=fresh)
        if stored is not None and not fresh:
            return stored  # another caller is confirming it already
        attempt.wait_for_other()


def _cached(call: Call[Provider], merchant: str) -> Token | None:
    cached = call.cache.get(merchant)
    if cached is None or cached.left(call.clock.now()) <= call.min_remaining_seconds:
        return None
    call.telemetry.count("TokensServedFromMemory")
    call.telemetry.annotate(served="memory")
    return cached


def _mint_or_serve_stored(attempt: Attempt, lease: MintLease, stored: Token | None, *, fresh: bool) -> Token:
    """Mint the shop's token. Return `stored` if the provider confirms it, or does not respond."""
    from token_broker.tokens.mint import mint_current

    call = attempt.call
    # A caller for whom a token is stored does not wait long for its confirmation.
    budget = PROVIDER_BUDGET if stored is None or fresh else RECHECK_BUDGET
    try:
        token = mint_current(call, lease, MintRequest(), known=stored, budget=budget)
    except (ProviderFailure, RateLimited, StorageUnavailable) as failure:
        # The request only had to confirm the stored token, which most likely still works.
        if stored is None or fresh or not failure.retryable:
            raise
        call.telemetry.notice("stored_token_served_unconfirmed", code=failure.code)
        token = stored
    call.cache.put(lease.merchant, token, read_at=attempt.started)
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
    closed, `Conflict` if it has a token with other scopes, and `RateLimited` if the merchant's mint quota is used up.
    """
    subject, attempt = session_subject(session_id), Attempt(call)
    while True:
        state = call.store.leases.state(merchant, subject)
        if state.closed:
            raise SessionClosed
        stored = _usable(call, state)
        if stored is not None:
            _check_scope(stored, scope)
            call.telemetry.count("TokensServedFromStore")
            return stored, False
        if not call.capabilities.sessions:
            # Its token would be for the whole shop, not for one session.
            raise InvalidRequest("This provider has no tokens for checkout sessions.")
        account_id = call.account(merchant).account_id
        if not attempt.is_held(state):
            attempt.check_quota(merchant)
        lease = attempt.acquire(state, merchant, subject, account_id)
        if lease is not None:
            from token_broker.tokens.mint import mint_current

            return mint_current(call, lease, MintRequest(session_id=session_id, scope=scope or default_scope)), True
        attempt.wait_for_other()


def standing_token(call: Call[ListingProvider], merchant: str, title: str, key: str | None) -> Token:
    """Mint a standing token with its own title, or return the one that this Idempotency-Key created before.

    Raises `Conflict` if the key was used with another title, or its token has ended.
    """
    route, attempt = f"{call.provider.name}/standing/{merchant}", Attempt(call)
    lease_request = attempt.lease_request(merchant, SHOP, call.account(merchant).account_id, title)
    if key is not None:
        key_id = key_id_of(principal(call.caller), route, key)
        lease_request = lease_request._replace(key_id=key_id, body_hash=_body_hash(title))
    while isinstance(lease := call.store.leases.acquire_standing(lease_request), LeaseHeld):
        attempt.wait_for_other()
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


def _check_scope(token: Token, scope: tuple[str, ...] | None) -> None:
    if scope is None or set(scope) in (set(token.scope), set(token.requested_scope or ())):
        return
    raise Conflict(
        "This session has a token with other scopes. Leave 'scope' out, send the same scopes or start another session."
    )


def _body_hash(title: str) -> str:
    return hashlib.sha256(json.dumps({"title": title}).encode()).hexdigest()
