"""A token that the provider has no place for: one that is to go anyway is asked to go now, and the mint tried again.

Of a whole reconciliation this is what can free a place: the list is read, and what is still listed of our pending
revocations is asked for at once. Adopting or missing a token frees none, and retiring ones have their overlap.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from token_broker.clock import Deadline
from token_broker.domain.token import Change, ProviderToken, State, Token
from token_broker.errors import ProviderFailure, TokenLimitReached
from token_broker.ports.provider import Account, ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.inventory import Finding, Inventory, take_inventory

#: Seconds that are kept for the mint itself.
MINT_TIME = 5.0
#: Ids that are named of one kind.
MAX_IDS_SHOWN = 3


def mint_again(
    call: Call[ListingProvider],
    account: Account,
    refused: TokenLimitReached,
    mint: Callable[[], ProviderToken],
    until: Deadline,
) -> ProviderToken:
    """What `mint` gives once there is a place. Raises `TokenLimitReached` with what would free one."""
    try:
        found = take_inventory(call, account, until, intents=True)
    except ProviderFailure:
        raise refused from None
    if _has_room(call, found, until):
        try:
            return mint()
        except TokenLimitReached as again:
            refused = again
    raise TokenLimitReached(f"{refused.detail} {_places(call, found)}", reply=refused.reply)


def _has_room(call: Call[ListingProvider], found: Inventory, until: Deadline) -> bool:
    for token in _listed(found, State.REVOKING):
        if until.left() <= MINT_TIME:
            return False
        try:
            if _revoked_now(call, found.account, token, until.within(until.left() - MINT_TIME)):
                return True
        except ProviderFailure as failure:
            call.telemetry.notice("revocation_pending", code=failure.code, token_id=token.token_id)
            if failure.retryable:
                break  # it is down, or wants fewer requests
    limit = call.provider.capabilities.limit
    return limit is not None and found.used < limit  # somebody's token has ended since the provider refused


def _revoked_now(call: Call[ListingProvider], account: Account, token: Token, until: Deadline) -> bool:
    pending = call.store.pending_revocation(token.merchant, token.token_id)
    if pending is None or pending.token.state is not State.REVOKING:
        return False
    if not pending.tries and pending.due_at > call.clock.now():
        return False  # it was current a moment ago: until then some process may have it in memory
    call.provider.revoke(account, token.token_id, until)
    call.store.mark_revoked(token, Change(call.caller, pending.reason))
    call.telemetry.count("TokensRevoked")
    return True


def _places(call: Call[ListingProvider], found: Inventory) -> str:
    """Who has the places, and which of them can be freed by whom."""
    findings = found.findings(call.clock.now())
    standing, retiring = _listed(found, State.STANDING), _listed(found, State.RETIRING)
    kinds = [
        (len(_listed(found, State.CURRENT)), "current"),
        (len(standing), f"standing{_such_as(standing)}: revoke those that nobody uses"),
        (len(retiring), f"retiring: {_ends(call, retiring)}"),
        (len(_listed(found, State.REVOKING)), "being revoked: they end once the provider confirms"),
        (len(findings[Finding.FOREIGN]), "foreign: revoke those that nobody uses, with foreign=true"),
        (len(findings[Finding.UNRECORDED]), "without a record: reconcile with apply, then revoke them by their ids"),
        (len(findings[Finding.REAPPEARED]), "back though they had ended: reconcile with apply"),
        (
            len(found.by_id.keys() & findings[Finding.WRONG_ACCOUNT]),
            "recorded as another shop's: nobody here ends those",
        ),
        (len(findings[Finding.IN_FLIGHT]), "being made or ended just now"),
    ]
    return "There: " + "; ".join(f"{count} {what}" for count, what in kinds if count) + "."


def _listed(found: Inventory, state: State) -> list[Token]:
    """The recorded tokens in that state which have a place, at the shop that was asked."""
    listed = found.by_id
    here = ("", found.account.account_id)
    return [
        record
        for token_id, record in found.records.items()
        if token_id in listed and record.state is state and record.account_id in here
    ]


def _such_as(tokens: Sequence[Token]) -> str:
    return f" (such as {', '.join(token.token_id for token in tokens[:MAX_IDS_SHOWN])})"


def _ends(call: Call[ListingProvider], retiring: Sequence[Token]) -> str:
    # Who has begun to retire first ends first, unless the overlap was changed: few are looked at, each costs a read.
    longest = sorted(retiring, key=lambda token: token.history[-1].at if token.history else token.issued_at)[
        :MAX_IDS_SHOWN
    ]
    pending = [call.store.pending_revocation(token.merchant, token.token_id) for token in longest]
    ends = min((each.due_at for each in pending if each is not None), default=None)
    if ends is None:
        return "they end with their overlap"
    return f"they end with their overlap, the next at {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}"
