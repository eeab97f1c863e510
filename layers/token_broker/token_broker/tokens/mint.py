"""Mint one token under a lease: send the request, store the token, end the intent.

After a lost response, the same call looks for the token in the provider's list. It does not repeat the request, since a
list without the token does not prove that the token will not appear. The intent stays open. The next call continues it
and looks for the token first.
"""

from collections.abc import Callable
from copy import replace
from functools import partial
from typing import cast

from token_broker.clock import Deadline
from token_broker.domain.delays import next_reconciliation
from token_broker.domain.leases import MintLease, OpenIntent
from token_broker.domain.ownership_tag import parse_title, tag_title
from token_broker.domain.rotation import Rotation, Succession
from token_broker.domain.token import SERVABLE, SHOP, ProviderToken, Reason, State, Token, token_from
from token_broker.errors import (
    BrokerError,
    Conflict,
    MintInProgress,
    ProviderFailure,
    ProviderUnavailable,
    RequestOutcome,
    SessionClosed,
    StorageUnavailable,
    TokenLimitReached,
)
from token_broker.ports.provider import Account, ListingProvider, MintRequest, Provider
from token_broker.tokens.cache import TTL_SECONDS
from token_broker.tokens.call import PROVIDER_BUDGET, Call

#: Seconds that must be left for one more request to a storage that has just failed.
RELEASE_TIME = 5.0
#: Seconds after which no function's cache has a token that was current before, including clock skew.
CACHES_CLEARED_AFTER = int(TTL_SECONDS) + 5


def mint_current(
    call: Call[Provider],
    lease: MintLease,
    mint_request: MintRequest,
    *,
    known: Token | None = None,
    budget: float = PROVIDER_BUDGET,
) -> Token:
    """Mint and store the subject's current token. Return `known` if the provider returns that token again.

    `budget` is the time in seconds for all requests to the provider.
    """

    def work(until: Deadline) -> Token:
        minted = _mint(call, lease, mint_request, until)
        token = _token_for(call, lease, minted, State.CURRENT, scope=mint_request.scope)
        if known is not None and known.token_id == token.token_id:
            call.store.confirm(lease)
            return known
        _commit(call, lease, token, replaced=None if known is None else Succession(previous=known, state=State.LOST))
        return token

    return _release_on_failure(call, lease, work, budget)


def mint_successor(
    call: Call[ListingProvider], lease: MintLease, requested_by: str, replaced: Callable[[], Succession | None]
) -> Token:
    """Mint a current token that replaces a working one, and store it once the provider lists it.

    `replaced` is called after the mint. Its result is stored in the same transaction as the new token.
    """
    until = call.deadline.within(PROVIDER_BUDGET)

    def mint(until: Deadline) -> Token:
        token = _token_for(call, lease, _mint(call, lease, MintRequest(), until), State.CURRENT)
        return replace(token, requested_by=requested_by)

    token = _release_on_failure(call, lease, mint, until.left())
    # If the list lacks the token, the lease is not released: until it expires nobody mints another, and the next holder
    # finds the token by the intent.
    _check_listed(call, token, until)

    def commit(_until: Deadline) -> Token:
        _commit(call, lease, token, replaced=replaced(), reason=Reason.ROTATED)
        return token

    return _release_on_failure(call, replace(lease, continued=True), commit, until.left())


def _check_listed(call: Call[ListingProvider], token: Token, until: Deadline) -> None:
    listed = call.with_credential_refresh(token.merchant, lambda account: call.provider.list_tokens(account, until))
    if token.token_id not in {each.token.token_id for each in listed}:
        raise ProviderUnavailable(
            "The provider created a token but does not list it yet. The previous one stays. The rotation continues.",
            request_outcome=RequestOutcome.UNKNOWN,
        )


def succession(
    call: Call[ListingProvider], previous: Token | None, rotation: Rotation, overlap_ends_at: int
) -> Succession | None:
    """Return the next state of the previous token, or None if there was no token."""
    if previous is None:
        return None
    state, until = State.RETIRING, overlap_ends_at
    if rotation.compromised:
        state, until = State.REVOKING, int(call.clock.now()) + CACHES_CLEARED_AFTER
    return Succession(previous=previous, state=state, until=until, rotation_id=rotation.rotation_id)


def mint_standing(call: Call[ListingProvider], lease: MintLease) -> Token:
    """Mint and store a standing token."""

    def work(until: Deadline) -> Token:
        token = _token_for(call, lease, _mint(call, lease, MintRequest(), until), State.STANDING)
        _commit(call, lease, token)
        return token

    return _release_on_failure(call, lease, work, PROVIDER_BUDGET)


def adopt(call: Call[ListingProvider], intent: OpenIntent, until: Deadline) -> Token | None:
    """Store and return the token that an open intent has created, or return None if the provider lists none.

    The list is the only request. Raises `MintInProgress` if the lease was lost, and `Conflict` if the secret is for
    another provider account.
    """
    lease = intent.lease
    title = tag_title(lease.title or "", call.store.broker_id(), lease.intent_id)

    def look_up(account: Account) -> ProviderToken | None:
        _check_account(lease, account)
        return _find(call, account, title, until)

    found = call.with_credential_refresh(lease.merchant, look_up)
    if found is None:
        return None
    state = State.STANDING if lease.standing else State.CURRENT
    token = replace(_token_for(call, lease, found, state), requested_by=intent.requested_by)
    _commit(call, lease, token, replaced=_replaced(call, token), reason=Reason.ADOPTED)
    return token


def _replaced(call: Call[ListingProvider], token: Token) -> Succession | None:
    """Return what an adopted current token replaces, after a rotation that was cut off between mint and commit."""
    if token.state is not State.CURRENT:
        return None
    previous = call.store.subject_state(token.merchant, SHOP).token
    if previous is None or previous.token_id == token.token_id:
        return None
    overlap_ends_at = int(call.clock.now()) + call.store.rotation_settings(token.merchant).overlap
    rotation = call.store.rotation(token.merchant)
    if rotation is not None and rotation.open and rotation.replaces == previous.token_id:
        return succession(call, previous, rotation, overlap_ends_at)
    return Succession(previous=previous, state=State.RETIRING, until=overlap_ends_at)


def _release_on_failure(
    call: Call[Provider], lease: MintLease, work: Callable[[Deadline], Token], budget: float
) -> Token:
    """Run `work`, and release the lease on failure.

    The intent ends only if the provider certainly created no token.
    """
    try:
        return work(call.deadline.within(budget))
    except ProviderFailure as failure:
        if isinstance(failure, TokenLimitReached):
            call.telemetry.count("TokenLimitHeadroom", 0)
        open_before = lease.continued and failure.request_outcome is RequestOutcome.NOT_APPLIED
        _release_lease(call, lease, RequestOutcome.UNKNOWN if open_before else failure.request_outcome)
        raise
    except (StorageUnavailable, SessionClosed, MintInProgress):
        # The provider may have created a token that is not stored. The open intent leads to it.
        # If the storage hangs and time is short, the lease expires by itself.
        if call.deadline.left() > RELEASE_TIME:
            _release_lease(call, lease, RequestOutcome.UNKNOWN)
        raise
    except BrokerError:
        _release_lease(call, lease, RequestOutcome.UNKNOWN if lease.continued else RequestOutcome.NOT_APPLIED)
        raise


def _release_lease(call: Call[Provider], lease: MintLease, request_outcome: RequestOutcome) -> None:
    try:
        call.store.release(lease, request_outcome)
    except BrokerError as failure:
        # The lease expires by itself, and the first failure is the one to report.
        call.telemetry.notice("lease_not_released", code=failure.code, intent=lease.intent_id)


def _mint(call: Call[Provider], lease: MintLease, mint_request: MintRequest, until: Deadline) -> ProviderToken:
    if call.provider.capabilities.lists:
        # From its first token on, a merchant is reconciled daily.
        call.store.schedule_reconciliation(lease.merchant, next_reconciliation(call.clock.now(), call.jitter()))
    if not call.provider.capabilities.supports_title_tag or lease.title is None:
        return call.with_credential_refresh(
            lease.merchant, lambda account: call.provider.mint(account, mint_request, until)
        )
    title = tag_title(lease.title, call.store.broker_id(), lease.intent_id)
    return call.with_credential_refresh(
        lease.merchant, lambda account: _find_or_mint(call, account, title, lease, until)
    )


def _find_or_mint(
    call: Call[Provider], account: Account, title: str, lease: MintLease, until: Deadline
) -> ProviderToken:
    if lease.continued:
        _check_account(lease, account)
        if (found := _find(call, account, title, until)) is not None:
            return found
    try:
        return _mint_or_find(call, account, title, until)
    except TokenLimitReached as failure:
        from token_broker.tokens import quota

        listing = cast("Call[ListingProvider]", call)  # a provider with title tags can list tokens
        retry = partial(_mint_or_find, call, account, title, until)
        return quota.mint_again(listing, account, failure, retry, until)


def _mint_or_find(call: Call[Provider], account: Account, title: str, until: Deadline) -> ProviderToken:
    try:
        return call.provider.mint(account, MintRequest(title=title), until)
    except ProviderFailure as failure:
        if failure.request_outcome is RequestOutcome.NOT_APPLIED:
            raise
        try:
            found = _find(call, account, title, until)
        except ProviderFailure:
            raise failure from None
        if found is None:
            raise
        return found


def _check_account(lease: MintLease, account: Account) -> None:
    if lease.account_id not in ("", account.account_id):
        raise Conflict(
            "A token was being created at another shop than the one in the merchant's secret. Restore the secret of "
            "that shop, so that the token is found there."
        )


def _find(call: Call[Provider], account: Account, title: str, until: Deadline) -> ProviderToken | None:
    """Return the token whose response was lost, which the list has under this intent's title, or None."""
    provider = cast("ListingProvider", call.provider)  # a provider with title tags can list tokens
    wanted = parse_title(title)
    for each in provider.list_tokens(account, until):
        tag = parse_title(each.title)
        if (tag.broker_id, tag.intent_id) != (wanted.broker_id, wanted.intent_id):
            continue
        # A token that is being revoked has a record already and is not this intent's result any more.
        record = call.store.get_token(account.merchant, each.token.token_id)
        if record is None or record.state in SERVABLE:
            call.telemetry.notice("lost_response_found", intent=wanted.intent_id, token_id=each.token.token_id)
            return each.token
    return None


def _token_for(
    call: Call[Provider],
    lease: MintLease,
    provider_token: ProviderToken,
    state: State,
    *,
    scope: tuple[str, ...] | None = None,
) -> Token:
    return token_from(
        provider_token,
        provider=call.provider.name,
        merchant=lease.merchant,
        subject=lease.subject,
        state=state,
        title=lease.title,
        requested_by=call.caller,
        requested_scope=scope,
    )


def _commit(
    call: Call[Provider],
    lease: MintLease,
    token: Token,
    *,
    replaced: Succession | None = None,
    reason: Reason = Reason.MINTED,
) -> None:
    try:
        call.store.commit(lease, token, replaced=replaced, reason=reason)
    except BrokerError as failure:
        call.telemetry.notice(
            "minted_but_not_stored", code=failure.code, intent=lease.intent_id, fingerprint=token.digest
        )
        raise
    call.telemetry.annotate(served="minted")
    call.telemetry.count("TokensIssued")
