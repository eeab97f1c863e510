"""Getting a token to a caller: from memory, from the store, or newly minted and stored.

    read ──fresh enough──▶ answer
      │
      └─▶ begin (a durable intent, and the only right to mint) ─▶ provider ─▶ publish ─▶ answer
             │ somebody else has the right: wait a little, read again
             └─ an intent that an earlier call left open is continued: what it may have made is looked up first

A mint whose answer was lost is looked up within the same call while time remains. It is not asked for again there: a
list that does not show it yet is no proof that it will not appear. The intent stays, and the next call continues it.
"""

import hashlib
import json
from collections.abc import Callable
from typing import cast

from token_broker.call import PROVIDER_BUDGET, WAIT_FOR_OTHERS, Call
from token_broker.clock import Deadline
from token_broker.errors import (
    BrokerError,
    Conflict,
    Fate,
    MintInProgress,
    ProviderFailure,
    SessionClosed,
    StorageUnavailable,
    TokenLimitReached,
)
from token_broker.marks import key_id_of, marked, new_intent_id, new_owner, take_apart
from token_broker.model import SERVABLE, SHOP, Mint, Minted, State, Token, session_subject, token_from
from token_broker.ports import (
    Account,
    Busy,
    Intention,
    ListingProvider,
    Order,
    Provider,
    Replay,
    SubjectState,
)

#: Seconds between two looks at another's mint: full jitter between these.
LEAST_WAIT, MOST_WAIT = 0.2, 1.0
#: Seconds for having a token confirmed that could be served as it is.
RECHECK_BUDGET = 3.0
#: Seconds that must be left for one more call to a storage that has just failed.
RELEASE_TIME = 5.0
#: The title of the token that is served to everybody; a standing token's title is its creator's.
CURRENT_TITLE = "Token Broker"


def shop_token(call: Call[Provider], merchant: str, *, fresh: bool = False) -> Token:
    """The shop's current token. `fresh` passes memory by, and asks a provider that keeps one token for it again."""
    kept = None if fresh else call.memory.get(merchant)
    if kept is not None and kept.left(call.clock.now()) > call.margin:
        call.telemetry.count("TokensServedFromMemory")
        return kept
    started, started_wall = call.clock.monotonic(), call.clock.now()
    intent_id, until = new_intent_id(), call.deadline.within(WAIT_FOR_OTHERS)
    while True:
        read_at = call.clock.monotonic()
        seen = call.store.subject(merchant, SHOP)
        token = _usable(call, seen)
        recheck = call.provider.capabilities.recheck_after
        age = call.clock.now() - seen.checked_at
        due = recheck is not None and (age >= recheck if not fresh else seen.checked_at < started_wall)
        if token is not None and not due:
            call.telemetry.count("TokensServedFromStore")
            call.memory.put(merchant, token, read_at=read_at)
            return token
        try:
            call.account(merchant)  # an unknown merchant leaves nothing in the store
        except StorageUnavailable:
            if token is None or fresh:
                raise
            return token
        intention = Intention(
            merchant=merchant,
            subject=SHOP,
            intent_id=intent_id,
            owner=new_owner(),
            title=CURRENT_TITLE if call.provider.capabilities.marked else None,
            requested_by=call.caller,
            findable=call.provider.capabilities.marked,
        )
        mint = call.store.begin_current(intention, seen)
        if isinstance(mint, Mint):
            break
        if token is not None and not fresh:
            return token  # somebody is asking for it again already
        _wait(call, until)
    try:
        # A caller who could be answered already is not kept waiting for a confirmation.
        budget = PROVIDER_BUDGET if token is None or fresh else RECHECK_BUDGET
        token = _mint_current(call, mint, Order(), token, budget)
    except (ProviderFailure, StorageUnavailable) as failure:
        # The shop's token was only to be confirmed: it is most likely as good as it was an hour ago.
        if token is None or fresh or not failure.retryable:
            raise
        call.telemetry.notice("stored_token_served_unconfirmed", code=failure.code)
    call.memory.put(merchant, token, read_at=started)
    return token


def session_token(
    call: Call[Provider], merchant: str, session_id: str, scope: tuple[str, ...] | None
) -> tuple[Token, bool]:
    """The session's token, and whether it is new.

    Raises `SessionClosed`, and `Conflict` where it has a token with other scopes.
    """
    subject = session_subject(session_id)
    intent_id, until = new_intent_id(), call.deadline.within(WAIT_FOR_OTHERS)
    while True:
        seen = call.store.subject(merchant, subject)
        if seen.closed:
            raise SessionClosed
        token = _usable(call, seen)
        if token is not None:
            _check_scope(token, scope)
            call.telemetry.count("TokensServedFromStore")
            return token, False
        call.account(merchant)
        intention = Intention(
            merchant=merchant,
            subject=subject,
            intent_id=intent_id,
            owner=new_owner(),
            requested_by=call.caller,
        )
        mint = call.store.begin_current(intention, seen)
        if isinstance(mint, Mint):
            return _mint_current(call, mint, Order(session_id=session_id, scope=scope), None), True
        _wait(call, until)


def standing_token(call: Call[ListingProvider], merchant: str, title: str, key: str | None) -> Token:
    """One more token with its own title. With an Idempotency-Key, the token that this key made before.

    Raises `Conflict` where the key came with another title, or its token was revoked.
    """
    route = f"{call.provider.name}/standing/{merchant}"
    intention = Intention(
        merchant=merchant,
        subject=SHOP,
        intent_id=new_intent_id(),
        owner=new_owner(),
        title=title,
        requested_by=call.caller,
        key_id=None if key is None else key_id_of(call.principal, route, key),
        body_hash=None if key is None else _body_hash(title),
        findable=True,
    )
    call.account(merchant)
    until = call.deadline.within(WAIT_FOR_OTHERS)
    while isinstance(mint := call.store.begin_standing(intention), Busy):
        _wait(call, until)
    if isinstance(mint, Replay):
        if mint.token.state not in SERVABLE:
            raise Conflict(
                "The token that this Idempotency-Key made has been revoked. Use a new key to create another token."
            )
        call.telemetry.count("TokensServedFromStore")
        return mint.token
    return _guarded(call, mint, lambda until: _store_standing(call, mint, _make(call, mint, Order(), until)))


def _mint_current(
    call: Call[Provider], mint: Mint, order: Order, known: Token | None, budget: float = PROVIDER_BUDGET
) -> Token:
    def work(until: Deadline) -> Token:
        return _store_current(call, mint, order, known, _make(call, mint, order, until))

    return _guarded(call, mint, work, budget)


def _guarded(
    call: Call[Provider], mint: Mint, work: Callable[[Deadline], Token], budget: float = PROVIDER_BUDGET
) -> Token:
    """Do the work, and free the right to mint where it fails: what certainly did not happen needs no look-up later."""
    try:
        return work(call.deadline.within(budget))
    except ProviderFailure as failure:
        if isinstance(failure, TokenLimitReached):
            call.telemetry.count("TokenLimitHeadroom", 0)
        open_before = mint.continued and failure.fate is Fate.NOT_DONE
        _give_up(call, mint, Fate.UNKNOWN if open_before else failure.fate)
        raise
    except (StorageUnavailable, SessionClosed, MintInProgress):
        # The provider may have given a token that was not stored: it is found again by the intent that stays.
        # A storage that hangs gets no further call when time is short; the lease ends by itself.
        if call.deadline.left() > RELEASE_TIME:
            _give_up(call, mint, Fate.UNKNOWN)
        raise
    except BrokerError:
        _give_up(call, mint, Fate.UNKNOWN if mint.continued else Fate.NOT_DONE)
        raise


def _give_up(call: Call[Provider], mint: Mint, fate: Fate) -> None:
    try:
        call.store.give_up(mint, fate)
    except BrokerError as failure:
        # The lease ends by itself, and the first failure is the one to report.
        call.telemetry.notice("mint_not_released", code=failure.code, intent=mint.intent_id)


def _make(call: Call[Provider], mint: Mint, order: Order, until: Deadline) -> Minted:
    if not call.provider.capabilities.marked or mint.title is None:
        return call.ask(mint.merchant, lambda account: call.provider.mint(account, order, until))
    title = marked(mint.title, call.store.broker_id(), mint.intent_id)
    return call.ask(mint.merchant, lambda account: _make_marked(call, account, title, mint, until))


def _make_marked(call: Call[Provider], account: Account, title: str, mint: Mint, until: Deadline) -> Minted:
    if mint.continued and (found := _find(call, account, title, until)) is not None:
        return found
    try:
        return call.provider.mint(account, Order(title=title), until)
    except ProviderFailure as failure:
        if failure.fate is Fate.NOT_DONE:
            raise
        try:
            found = _find(call, account, title, until)
        except ProviderFailure:
            raise failure from None
        if found is None:
            raise
        return found


def _find(call: Call[Provider], account: Account, title: str, until: Deadline) -> Minted | None:
    """The token that a lost answer was about: the provider lists it under a title that only this intent used."""
    provider = cast("ListingProvider", call.provider)  # one that keeps marks can list them
    wanted = take_apart(title)
    for each in provider.list_tokens(account, until):
        mark = take_apart(each.title)
        if (mark.broker_id, mark.intent_id) == (wanted.broker_id, wanted.intent_id):
            call.telemetry.notice("lost_answer_found", intent=wanted.intent_id, token_id=each.minted.token_id)
            return each.minted
    return None


def _store_current(call: Call[Provider], mint: Mint, order: Order, known: Token | None, minted: Minted) -> Token:
    token = token_from(
        minted,
        provider=call.provider.name,
        merchant=mint.merchant,
        subject=mint.subject,
        state=State.CURRENT,
        title=mint.title,
        requested_by=call.caller,
        requested_scope=order.scope,
    )
    if known is not None and known.token_id == token.token_id:
        call.store.confirm(mint)
        return known
    _publish(call, mint, token, known)
    return token


def _store_standing(call: Call[ListingProvider], mint: Mint, minted: Minted) -> Token:
    token = token_from(
        minted,
        provider=call.provider.name,
        merchant=mint.merchant,
        subject=mint.subject,
        state=State.STANDING,
        title=mint.title,
        requested_by=call.caller,
    )
    _publish(call, mint, token, None)
    return token


def _publish(call: Call[Provider], mint: Mint, token: Token, replaced: Token | None) -> None:
    try:
        call.store.publish(mint, token, replaced=replaced)
    except BrokerError as failure:
        call.telemetry.notice(
            "minted_but_not_stored", code=failure.code, intent=mint.intent_id, fingerprint=token.digest
        )
        raise
    call.telemetry.count("TokensIssued")


def _usable(call: Call[Provider], seen: SubjectState) -> Token | None:
    token = seen.token
    if token is None or token.access_token is None or token.state not in SERVABLE:
        return None
    return token if token.left(call.clock.now()) > call.margin else None


def _check_scope(token: Token, scope: tuple[str, ...] | None) -> None:
    if scope is None or set(scope) in (set(token.scope), set(token.requested_scope or ())):
        return
    raise Conflict(
        "This session has a token with other scopes. Ask without 'scope' or with the same scopes, "
        "or start another session."
    )


def _wait(call: Call[Provider], until: Deadline) -> None:
    left = until.left()
    if left <= 0:
        raise MintInProgress
    call.clock.sleep(min(left, LEAST_WAIT + (MOST_WAIT - LEAST_WAIT) * call.jitter()))


def _body_hash(title: str) -> str:
    return hashlib.sha256(json.dumps({"title": title}).encode()).hexdigest()
