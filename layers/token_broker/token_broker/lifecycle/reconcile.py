"""Reconcile the records with the provider's list, and correct the records.

inventory (`tokens/inventory.py`) ─▶ adopt, restore, revoke again, mark lost ─▶ mint, if the current token was lost

Reconciliation ends a token at the provider only if its end was requested before. It adopts an unrecorded token of this
stack, and leaves a foreign token alone. Each step is one conditional write. The next run does the steps that are left.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from token_broker.domain.delays import DAY, next_reconciliation
from token_broker.domain.events import token_limit_near
from token_broker.domain.pending import Reconciliation
from token_broker.domain.token import SERVABLE, Change, Reason, State, Token
from token_broker.errors import MerchantNotFound
from token_broker.ports.provider import ListedToken, ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.inventory import Finding, Inventory, record_headroom, take_inventory, without_record
from token_broker.tokens.issue import shop_token

#: Seconds until a list without any token of this stack is read again. Only the second list is trusted.
RECHECK_DELAY = 3.0
#: Free quota slots below which `TokenLimitNear` is emitted.
WARN_BELOW_SLOTS = 20


#: The ids of the changed tokens, by the kind of change.
type Changes = dict[Literal["adopted", "broughtBack", "revoking", "lost"], list[str]]


def reconcile(
    call: Call[ListingProvider], merchant: str, *, apply: bool, scheduled: Reconciliation | None = None
) -> dict[str, Any]:
    """Compare the records with the provider's list, and correct the records if `apply` is True.

    Returns the token ids of each finding, and in `done` the changes with the new current token's id. Writes nothing
    if `apply` is False. `scheduled` is the schedule as the worker has read it. An error ends the run, and the
    changes before it stay.
    """
    call.account(merchant)  # an unknown merchant leaves nothing in the store
    if apply and scheduled is None:
        scheduled = call.store.reconciliations.get(merchant)
    inventory, findings = _confirmed_findings(call, merchant)
    headroom = record_headroom(call, inventory.used)
    changes: Changes = {"adopted": [], "broughtBack": [], "revoking": [], "lost": []}
    minted = None
    if apply:
        _apply(call, inventory, findings, changes)
        minted = _replace_lost_current(call, inventory, changes["lost"])
        _complete(call, scheduled or Reconciliation(merchant=merchant), inventory.used, headroom)
    return {
        "applied": apply,
        "used": inventory.used,
        "limit": call.capabilities.limit,
        "headroom": headroom,
        "counts": {finding.value: len(ids) for finding, ids in findings.items()},
        "tokens": {finding.value: ids for finding, ids in findings.items()},
        "done": {**changes, "minted": minted},
    }


def reconcile_on_schedule(call: Call[ListingProvider], scheduled: Reconciliation) -> None:
    """Reconcile the merchant once a day.

    Cancels the schedule if the merchant's secret is gone and no token is left. Raises `MerchantNotFound` if the secret
    is gone and a token is left.
    """
    try:
        reconcile(call, scheduled.merchant, apply=True, scheduled=scheduled)
    except MerchantNotFound:
        if any(record.state in SERVABLE | {State.REVOKING} for record in call.store.tokens.all(scheduled.merchant)):
            raise
        call.store.reconciliations.cancel(scheduled)


def _confirmed_findings(call: Call[ListingProvider], merchant: str) -> tuple[Inventory, dict[Finding, list[str]]]:
    """Return the inventory and its findings, with a second inventory if every token of this stack seems lost.

    A brief fault of the provider can look the same. A token is lost only if both lists lack it.
    """
    inventory, findings = _findings(call, merchant)
    missing = frozenset(findings[Finding.LOST])
    if missing and not inventory.ours_listed:
        call.telemetry.notice("provider_list_has_none_of_ours", merchant=merchant, records=len(missing))
        call.clock.sleep(min(RECHECK_DELAY, call.deadline.left()))
        inventory, findings = _findings(call, merchant)
        unconfirmed = [token_id for token_id in findings[Finding.LOST] if token_id not in missing]
        findings[Finding.LOST] = [token_id for token_id in findings[Finding.LOST] if token_id in missing]
        findings[Finding.IN_FLIGHT] += unconfirmed
    return inventory, findings


def _findings(call: Call[ListingProvider], merchant: str) -> tuple[Inventory, dict[Finding, list[str]]]:
    until = call.deadline.within(PROVIDER_BUDGET)
    inventory = call.with_credential_refresh(
        merchant, lambda account: take_inventory(call, account, until, intents=True)
    )
    return inventory, inventory.findings(call.clock.now())


def _apply(
    call: Call[ListingProvider], inventory: Inventory, findings: dict[Finding, list[str]], changes: Changes
) -> None:
    """Correct the records, and add only this run's own writes to `changes`. A concurrent run may do some of them."""
    listed, change = inventory.by_id, Change(call.caller, Reason.RECONCILED)
    for token_id in findings[Finding.UNRECORDED]:
        # Adopted as standing, because its purpose is not known any more.
        token = without_record(call, inventory.account.merchant, listed[token_id], inventory.broker_id)
        if call.store.corrections.adopt(token, change):
            changes["adopted"].append(token_id)
            call.telemetry.count("TokensIssued")
    for token_id in findings[Finding.REAPPEARED]:
        _restore(call, inventory.records[token_id], listed[token_id], changes)
    for token_id in findings[Finding.LOST]:
        if call.store.corrections.mark_lost(inventory.records[token_id], Change(call.caller, Reason.LOST)):
            changes["lost"].append(token_id)
            call.telemetry.notice("token_lost", merchant=inventory.account.merchant, token_id=token_id)
            call.telemetry.count("TokensLost")
    if changes["lost"]:
        call.cache.drop(inventory.account.merchant)


def _restore(call: Call[ListingProvider], record: Token, listed: ListedToken, changes: Changes) -> None:
    """Revoke a reappeared token again if it was revoked or retiring, and restore it as standing if not."""
    change = Change(call.caller, Reason.RECONCILED)
    if record.state is State.REVOKED:
        if call.store.corrections.revoke_again(record, change):
            changes["revoking"].append(record.token_id)
    elif record.history and record.history[-1].before is State.RETIRING:
        call.store.tokens.mark_revoking(record, Change(call.caller, Reason.ROTATED))
        changes["revoking"].append(record.token_id)
    elif call.store.corrections.restore(record, listed.token.access_token, change):
        changes["broughtBack"].append(record.token_id)
        call.telemetry.count("TokensIssued")


def _replace_lost_current(call: Call[ListingProvider], inventory: Inventory, lost: Sequence[str]) -> str | None:
    """Mint a new current token if the last one was lost, and return its id.

    Returns None if this run minted no token. An earlier run may have marked the token as lost and had no time to mint.
    """
    merchant = inventory.account.merchant
    was_current = any(inventory.records[token_id].state is State.CURRENT for token_id in lost)
    if not was_current and not _last_current_was_lost(inventory.records.values()):
        return None
    token_id = shop_token(call, merchant).token_id
    return None if token_id in inventory.by_id or token_id in inventory.records else token_id


def _last_current_was_lost(records: Iterable[Token]) -> bool:
    """Return whether the last current token was lost.

    Returns False if another current token was replaced or revoked within the same second.
    """
    ends = [(line.at, line.after) for record in records for line in record.history if line.before is State.CURRENT]
    return bool(ends) and max(ends)[1] is State.LOST


def _complete(call: Call[ListingProvider], scheduled: Reconciliation, used: int, headroom: int | None) -> None:
    """Schedule the next reconciliation, and emit `TokenLimitNear` at most once a day if few quota slots are free."""
    now, event, near_at = call.clock.now(), None, None
    if headroom is not None and headroom < WARN_BELOW_SLOTS:
        near_at = scheduled.near_at
        # A negative age means that the clock went back. The event must not stay silent until the clock catches up.
        if near_at is None or not 0 <= now - near_at < DAY:
            near_at = int(now)
            limit = used + headroom
            event = token_limit_near(call.provider.name, scheduled.merchant, used=used, limit=limit, at=now)
    call.store.reconciliations.complete(scheduled, next_reconciliation(now, call.jitter()), near_at, event)
