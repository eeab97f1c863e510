"""Free a quota slot when the provider's token limit is reached, and retry the mint.

Only a pending revocation can free a slot at once. A retiring token keeps its slot until its overlap ends.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from token_broker.clock import Deadline
from token_broker.domain.token import Change, ProviderToken, State, Token
from token_broker.errors import ProviderFailure, TokenLimitReached
from token_broker.ports.provider import Account, ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.inventory import Finding, Inventory, changed_at, take_inventory

#: Seconds that are reserved for the mint itself.
MINT_TIME = 5.0
#: The number of ids in the error's detail for each kind of token.
MAX_IDS_SHOWN = 3


def mint_again(
    call: Call[ListingProvider],
    account: Account,
    limit_reached: TokenLimitReached,
    mint: Callable[[], ProviderToken],
    until: Deadline,
) -> ProviderToken:
    """Free a slot and return the result of `mint`. Raises `TokenLimitReached` with what would free a slot."""
    try:
        inventory = take_inventory(call, account, until, intents=True)
    except ProviderFailure:
        raise limit_reached from None
    if _free_slot(call, inventory, until):
        try:
            return mint()
        except TokenLimitReached as repeated:
            limit_reached = repeated
    raise TokenLimitReached(f"{limit_reached.detail} {_slot_usage(call, inventory)}", reply=limit_reached.reply)


def _free_slot(call: Call[ListingProvider], inventory: Inventory, until: Deadline) -> bool:
    for token in _listed(inventory, State.REVOKING):
        if until.left() <= MINT_TIME:
            return False
        try:
            if _revoke_now(call, inventory.account, token, until.within(until.left() - MINT_TIME)):
                return True
        except ProviderFailure as failure:
            call.telemetry.notice("revocation_pending", code=failure.code, token_id=token.token_id)
            if failure.retryable:
                break  # the provider is down or throttles
    limit = call.capabilities.limit
    return limit is not None and inventory.used < limit  # a token has ended since the provider rejected the mint


def _revoke_now(call: Call[ListingProvider], account: Account, token: Token, until: Deadline) -> bool:
    pending = call.store.tokens.pending_revocation(token.merchant, token.token_id)
    if pending is None or pending.token.state is not State.REVOKING:
        return False
    if not pending.tries and pending.due_at > call.clock.now():
        return False  # until then a cache may still serve it as current
    call.provider.revoke(account, token.token_id, until)
    call.store.tokens.mark_revoked(token, Change(call.caller, pending.reason))
    call.telemetry.count("TokensRevoked")
    return True


def _slot_usage(call: Call[ListingProvider], inventory: Inventory) -> str:
    """Return a sentence that says which tokens use the slots, and how to free some."""
    findings = inventory.findings(call.clock.now())
    standing, retiring = _listed(inventory, State.STANDING), _listed(inventory, State.RETIRING)
    examples = ", ".join(token.token_id for token in standing[:MAX_IDS_SHOWN])
    elsewhere = inventory.by_id.keys() & findings[Finding.WRONG_ACCOUNT]
    kinds = [
        (len(_listed(inventory, State.CURRENT)), "current"),
        (len(standing), f"standing, for example {examples} (revoke those that nobody uses)"),
        (len(retiring), f"retiring ({_overlap_end(call, retiring)})"),
        (len(_listed(inventory, State.REVOKING)), "revoking (they end once the provider confirms)"),
        (len(findings[Finding.FOREIGN]), "foreign (revoke those that nobody uses with foreign=true)"),
        (len(findings[Finding.UNRECORDED]), "without a record (reconcile with apply, then revoke them by their ids)"),
        (len(findings[Finding.REAPPEARED]), "listed although they have ended (reconcile with apply)"),
        (len(elsewhere), "recorded at another shop (only that shop's secret can revoke them)"),
        (len(findings[Finding.IN_FLIGHT]), "in flight (created or ended just now)"),
    ]
    return "Tokens at the provider: " + "; ".join(f"{count} {kind}" for count, kind in kinds if count) + "."


def _listed(inventory: Inventory, state: State) -> list[Token]:
    """Return the listed tokens that are recorded in this state at the inventory's provider account."""
    listed = inventory.by_id
    return [
        record
        for record in inventory.records.values()
        if record.token_id in listed and record.state is state and not inventory.has_other_account(record)
    ]


def _overlap_end(call: Call[ListingProvider], retiring: Sequence[Token]) -> str:
    # The first to retire ends first, unless the overlap was changed. Each pending revocation costs a read, so few are
    # read.
    first = sorted(retiring, key=changed_at)[:MAX_IDS_SHOWN]
    pending = [call.store.tokens.pending_revocation(token.merchant, token.token_id) for token in first]
    ends = min((each.due_at for each in pending if each is not None), default=None)
    if ends is None:
        return "they end with their overlap"
    return f"they end with their overlap, the next at {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}"
