"""Mint one token under a lease: send the request, store the token, end the intent.

After a lost response, the same call looks for the token in the provider's list. It does not repeat the request, since a
list without the token does not prove that the token will not appear. The intent stays open. The next call continues it
and looks for the token first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

from token_broker.clock import Deadline
from token_broker.domain.delays import next_reconciliation
from token_broker.domain.leases import MintLease
from token_broker.domain.ownership_tag import parse_title, tag_title
from token_broker.domain.rotation import Succession
from token_broker.domain.token import SERVABLE, ProviderToken, Reason, State, Token, token_from
from token_broker.errors import (
    BrokerError,
    Conflict,
    MintInProgress,
    ProviderFailure,
    RateLimited,
    RequestOutcome,
    SessionClosed,
    StorageUnavailable,
    TokenLimitReached,
)
from token_broker.ports.provider import Account, ListingProvider, MintRequest, Provider
from token_broker.tokens.call import PROVIDER_BUDGET, Call

#: Seconds that must be left for one more request to a storage that has just failed.
RELEASE_TIME = 5.0


def mint_current(
    call: Call[Provider],
    lease: MintLease,
    mint_request: MintRequest,
    *,
    known: Token | None = None,
    budget: float = PROVIDER_BUDGET,
) -> Token:
    """Mint and store the subject's current token. Return `known` if the provider returns that token again.

    `budget` is the time in seconds for all requests to the provider. Raises `RateLimited` if the merchant's mint quota
    is used up.
    """
    with release_on_failure(call, lease):
        call.store.mint_quotas.take(lease.merchant)
        minted = mint(call, lease, mint_request, call.deadline.within(budget))
        token = token_for(call, lease, minted, State.CURRENT, scope=mint_request.scope)
        if known is not None and known.token_id == token.token_id:
            call.store.leases.confirm(lease)
            return known
        commit(call, lease, token, replaced=None if known is None else Succession(previous=known, state=State.LOST))
        return token


def mint_standing(call: Call[ListingProvider], lease: MintLease) -> Token:
    """Mint and store a standing token. Raises `RateLimited` if the merchant's mint quota is used up."""
    with release_on_failure(call, lease):
        call.store.mint_quotas.take(lease.merchant)
        minted = mint(call, lease, MintRequest(), call.deadline.within(PROVIDER_BUDGET))
        token = token_for(call, lease, minted, State.STANDING)
        commit(call, lease, token)
        return token


@contextmanager
def release_on_failure(call: Call[Provider], lease: MintLease) -> Iterator[None]:
    """Release the lease if the block fails. The intent ends only if the provider certainly created no token."""
    try:
        yield
    except ProviderFailure as failure:
        if isinstance(failure, TokenLimitReached):
            call.telemetry.count("TokenLimitHeadroom", 0)
        open_before = lease.continued and failure.request_outcome is RequestOutcome.NOT_APPLIED
        _release(call, lease, RequestOutcome.UNKNOWN if open_before else failure.request_outcome)
        raise
    except (StorageUnavailable, SessionClosed, MintInProgress):
        # The provider may have created a token that is not stored. The open intent leads to it.
        # If the storage hangs and time is short, the lease expires by itself.
        if call.deadline.left() > RELEASE_TIME:
            _release(call, lease, RequestOutcome.UNKNOWN)
        raise
    except BrokerError as failure:
        if isinstance(failure, RateLimited):
            call.telemetry.count("MintsRefused")
        _release(call, lease, RequestOutcome.UNKNOWN if lease.continued else RequestOutcome.NOT_APPLIED)
        raise


def _release(call: Call[Provider], lease: MintLease, request_outcome: RequestOutcome) -> None:
    try:
        call.store.leases.release(lease, request_outcome)
    except BrokerError as failure:
        # The lease expires by itself, and the first failure is the one to report.
        call.telemetry.notice("lease_not_released", code=failure.code, intent=lease.intent_id)


def mint(call: Call[Provider], lease: MintLease, mint_request: MintRequest, until: Deadline) -> ProviderToken:
    """Have the provider create the token of the lease's intent, or return the one that it has created before."""
    if call.capabilities.lists:
        # From its first token on, a merchant is reconciled daily.
        due_at = next_reconciliation(call.clock.now(), call.jitter())
        call.store.reconciliations.schedule(lease.merchant, due_at)
    if not call.capabilities.supports_title_tag or lease.title is None:
        return call.with_credential_refresh(
            lease.merchant, lambda account: call.provider.mint(account, mint_request, until)
        )
    title = tag_title(lease.title, call.store.tokens.broker_id(), lease.intent_id)
    return call.with_credential_refresh(
        lease.merchant, lambda account: _find_or_mint(call, account, title, lease, until)
    )


def _find_or_mint(
    call: Call[Provider], account: Account, title: str, lease: MintLease, until: Deadline
) -> ProviderToken:
    if lease.continued:
        check_account(lease, account)
        if (found := find(call, account, title, until)) is not None:
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
            found = find(call, account, title, until)
        except ProviderFailure:
            raise failure from None
        if found is None:
            raise
        return found


def check_account(lease: MintLease, account: Account) -> None:
    """Check that the secret is for the provider account of the lease's intent. Raises `Conflict`."""
    if lease.account_id not in ("", account.account_id):
        raise Conflict(
            "A token was being created at another shop than the one in the merchant's secret. Restore the secret of "
            "that shop, so that the token is found there."
        )


def find(call: Call[Provider], account: Account, title: str, until: Deadline) -> ProviderToken | None:
    """Return the token whose response was lost, which the list has under this intent's title, or None."""
    provider = cast("ListingProvider", call.provider)  # a provider with title tags can list tokens
    wanted = parse_title(title)
    for each in provider.list_tokens(account, until):
        tag = parse_title(each.title)
        if (tag.broker_id, tag.intent_id) != (wanted.broker_id, wanted.intent_id):
            continue
        # A token that is being revoked has a record already and is not this intent's result any more.
        record = call.store.tokens.get(account.merchant, each.token.token_id)
        if record is None or record.state in SERVABLE:
            call.telemetry.notice("lost_response_found", intent=wanted.intent_id, token_id=each.token.token_id)
            return each.token
    return None


def token_for(
    call: Call[Provider],
    lease: MintLease,
    provider_token: ProviderToken,
    state: State,
    *,
    scope: tuple[str, ...] | None = None,
    requested_by: str | None = None,
) -> Token:
    """Return the token to store under the lease. It is requested by the caller if nobody else is named."""
    return token_from(
        provider_token,
        provider=call.provider.name,
        merchant=lease.merchant,
        subject=lease.subject,
        state=state,
        title=lease.title,
        requested_by=call.caller if requested_by is None else requested_by,
        requested_scope=scope,
    )


def commit(
    call: Call[Provider],
    lease: MintLease,
    token: Token,
    *,
    replaced: Succession | None = None,
    reason: Reason = Reason.MINTED,
) -> None:
    """Store the minted token, and log it if it cannot be stored."""
    try:
        call.store.leases.commit(lease, token, replaced=replaced, reason=reason)
    except BrokerError as failure:
        call.telemetry.notice(
            "minted_but_not_stored", code=failure.code, intent=lease.intent_id, fingerprint=token.digest
        )
        raise
    call.telemetry.annotate(served="minted")
    call.telemetry.count("TokensIssued")
