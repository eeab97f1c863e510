"""Doing one mint, once the right to it is held: ask the provider, store what it gives, end the intent.

A mint whose answer was lost is looked up within the same call while time remains. It is not asked for again there: a
list that does not show it yet is no proof that it will not appear. The intent stays, and the next call continues it:
it looks up first what may have been made.
"""

from collections.abc import Callable
from dataclasses import replace
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

#: Seconds that must be left for one more call to a storage that has just failed.
RELEASE_TIME = 5.0
#: Seconds after which no function has a token in memory any more that was current, clocks' differences included.
CACHES_CLEARED_AFTER = int(TTL_SECONDS) + 5


def mint_current(
    call: Call[Provider],
    lease: MintLease,
    mint_request: MintRequest,
    *,
    known: Token | None = None,
    budget: float = PROVIDER_BUDGET,
) -> Token:
    """The subject's new current token, stored; or the `known` one, where the provider gives that again.

    `budget` is the time in seconds for everything that is asked of the provider.
    """

    def work(until: Deadline) -> Token:
        token = _token(call, lease, _make(call, lease, mint_request, until), State.CURRENT, scope=mint_request.scope)
        if known is not None and known.token_id == token.token_id:
            call.store.confirm(lease)
            return known
        _publish(call, lease, token, replaced=None if known is None else Succession(previous=known, state=State.LOST))
        return token

    return _guarded(call, lease, work, budget)


def mint_successor(
    call: Call[ListingProvider], lease: MintLease, requested_by: str, replaced: Callable[[], Succession | None]
) -> Token:
    """A new current token in the place of one that is good: stored once the provider lists it, too.

    `replaced` is asked when the new one is there, and what it gives is done in the same transaction.
    """
    until = call.deadline.within(PROVIDER_BUDGET)

    def make(until: Deadline) -> Token:
        token = _token(call, lease, _make(call, lease, MintRequest(), until), State.CURRENT)
        return replace(token, requested_by=requested_by)

    token = _guarded(call, lease, make, until.left())
    # It is there. Where it is not seen in the list, nothing is given up: in the rest of the lease nobody makes another,
    # and whoever comes then finds it by the intent.
    _check_listed(call, token, until)

    def take_its_place(_until: Deadline) -> Token:
        _publish(call, lease, token, replaced=replaced(), reason=Reason.ROTATED)
        return token

    return _guarded(call, replace(lease, continued=True), take_its_place, until.left())


def _check_listed(call: Call[ListingProvider], token: Token, until: Deadline) -> None:
    listed = call.with_credential_refresh(token.merchant, lambda account: call.provider.list_tokens(account, until))
    if token.token_id not in {each.token.token_id for each in listed}:
        raise ProviderUnavailable(
            "The provider made a token and does not list it. The one before it stays; it is looked for again.",
            request_outcome=RequestOutcome.UNKNOWN,
        )


def succession(
    call: Call[ListingProvider], previous: Token | None, rotation: Rotation, overlap_ends_at: int
) -> Succession | None:
    """What becomes of the previous token, when a rotation has made its successor."""
    if previous is None:
        return None
    state, until = State.RETIRING, overlap_ends_at
    if rotation.compromised:
        state, until = State.REVOKING, int(call.clock.now()) + CACHES_CLEARED_AFTER
    return Succession(previous=previous, state=state, until=until, rotation_id=rotation.rotation_id)


def mint_standing(call: Call[ListingProvider], lease: MintLease) -> Token:
    """A new token beside the current one, stored."""

    def work(until: Deadline) -> Token:
        token = _token(call, lease, _make(call, lease, MintRequest(), until), State.STANDING)
        _publish(call, lease, token)
        return token

    return _guarded(call, lease, work, PROVIDER_BUDGET)


def adopt(call: Call[ListingProvider], intent: OpenIntent, until: Deadline) -> Token | None:
    """The token that an open intent has led to, stored; None where the provider lists none.

    Nothing is asked for but the list. Raises `MintInProgress` where the right to end the intent was lost.
    """
    lease = intent.lease
    title = tag_title(lease.title or "", call.store.broker_id(), lease.intent_id)

    def look_up(account: Account) -> ProviderToken | None:
        _check_account(lease, account)
        return _find(call, account, title, until)

    minted = call.with_credential_refresh(lease.merchant, look_up)
    if minted is None:
        return None
    state = State.STANDING if lease.standing else State.CURRENT
    token = replace(_token(call, lease, minted, state), requested_by=intent.requested_by)
    _publish(call, lease, token, replaced=_replaced(call, token), reason=Reason.ADOPTED)
    return token


def _replaced(call: Call[ListingProvider], token: Token) -> Succession | None:
    """What a current token that is adopted takes the place of: a rotation was cut off between the two."""
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


def _guarded(call: Call[Provider], lease: MintLease, work: Callable[[Deadline], Token], budget: float) -> Token:
    """Do the work, and free the right to mint where it fails: what certainly did not happen needs no look-up later."""
    try:
        return work(call.deadline.within(budget))
    except ProviderFailure as failure:
        if isinstance(failure, TokenLimitReached):
            call.telemetry.count("TokenLimitHeadroom", 0)
        open_before = lease.continued and failure.request_outcome is RequestOutcome.NOT_APPLIED
        _release_lease(call, lease, RequestOutcome.UNKNOWN if open_before else failure.request_outcome)
        raise
    except (StorageUnavailable, SessionClosed, MintInProgress):
        # The provider may have given a token that was not stored: it is found again by the intent that stays.
        # A storage that hangs gets no further call when time is short; the lease ends by itself.
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
        # The lease ends by itself, and the first failure is the one to report.
        call.telemetry.notice("lease_not_released", code=failure.code, intent=lease.intent_id)


def _make(call: Call[Provider], lease: MintLease, mint_request: MintRequest, until: Deadline) -> ProviderToken:
    if call.provider.capabilities.lists:
        # Once in a process: from its first token on a merchant is compared with the provider's list every day.
        call.store.schedule_reconciliation(lease.merchant, next_reconciliation(call.clock.now(), call.jitter()))
    if not call.provider.capabilities.supports_title_tag or lease.title is None:
        return call.with_credential_refresh(
            lease.merchant, lambda account: call.provider.mint(account, mint_request, until)
        )
    title = tag_title(lease.title, call.store.broker_id(), lease.intent_id)
    return call.with_credential_refresh(
        lease.merchant, lambda account: _make_marked(call, account, title, lease, until)
    )


def _make_marked(
    call: Call[Provider], account: Account, title: str, lease: MintLease, until: Deadline
) -> ProviderToken:
    if lease.continued:
        _check_account(lease, account)
        if (found := _find(call, account, title, until)) is not None:
            return found
    try:
        return _mint_marked(call, account, title, until)
    except TokenLimitReached as refused:
        from token_broker.tokens import quota

        listing = cast("Call[ListingProvider]", call)  # one that keeps marks can list them
        again = partial(_mint_marked, call, account, title, until)
        return quota.mint_again(listing, account, refused, again, until)


def _mint_marked(call: Call[Provider], account: Account, title: str, until: Deadline) -> ProviderToken:
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
            "A token was being made at another shop than the merchant's secret names now. Put that shop's secret back, "
            "so that it is found there."
        )


def _find(call: Call[Provider], account: Account, title: str, until: Deadline) -> ProviderToken | None:
    """The token that a lost answer was about: the provider lists it under a title that only this intent used."""
    provider = cast("ListingProvider", call.provider)  # one that keeps marks can list them
    wanted = parse_title(title)
    for each in provider.list_tokens(account, until):
        tag = parse_title(each.title)
        if (tag.broker_id, tag.intent_id) != (wanted.broker_id, wanted.intent_id):
            continue
        # One that is being revoked already has its record: it is no longer what the intent leads to.
        record = call.store.get_token(account.merchant, each.token.token_id)
        if record is None or record.state in SERVABLE:
            call.telemetry.notice("lost_response_found", intent=wanted.intent_id, token_id=each.token.token_id)
            return each.token
    return None


def _token(
    call: Call[Provider], lease: MintLease, minted: ProviderToken, state: State, *, scope: tuple[str, ...] | None = None
) -> Token:
    return token_from(
        minted,
        provider=call.provider.name,
        merchant=lease.merchant,
        subject=lease.subject,
        state=state,
        title=lease.title,
        requested_by=call.caller,
        requested_scope=scope,
    )


def _publish(
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
