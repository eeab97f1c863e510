"""Our records and the provider's list made to say the same: what one of them does not know is put right in ours.

compare (see `comparing`) ─▶ adopt, bring back, revoke again, mark lost ─▶ mint, if the current token was lost

Nothing is ended at the provider that nobody has named: what is found there is adopted, or left alone and shown. Each
step is one conditional write, and the next comparison finds what is left to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from token_broker.domain.delays import DAY, next_reconciliation
from token_broker.domain.events import token_limit_near
from token_broker.domain.pending import Reconciliation
from token_broker.domain.token import SERVABLE, SHOP, Change, Reason, State, Token, token_from
from token_broker.errors import MerchantNotFound
from token_broker.ports.provider import ListedToken, ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.inventory import Finding, Inventory, record_headroom, take_inventory
from token_broker.tokens.issue import shop_token

#: Seconds until a list that has nothing of ours any more is looked at again: only then is it believed.
RECHECK_DELAY = 3.0
#: Places left below which the world is told.
WARN_BELOW_SLOTS = 20


@dataclass(slots=True)
class AppliedChanges:
    """The ids of what was changed, by how."""

    adopted: list[str] = field(default_factory=list)
    brought_back: list[str] = field(default_factory=list)
    revoking: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    #: The current token in the place of one that was lost.
    minted: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The `done` member of an answer."""
        return {
            "adopted": self.adopted,
            "broughtBack": self.brought_back,
            "revoking": self.revoking,
            "lost": self.lost,
            "minted": self.minted,
        }


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """What the comparison found, by ids, and what was `done` about it: nothing, unless it was `applied`."""

    findings: dict[Finding, list[str]]
    used: int
    limit: int | None
    headroom: int | None
    applied: bool
    done: AppliedChanges

    def as_json(self) -> dict[str, Any]:
        """The answer of the reconciliation route."""
        return {
            "applied": self.applied,
            "used": self.used,
            "limit": self.limit,
            "headroom": self.headroom,
            "counts": {finding.value: len(ids) for finding, ids in self.findings.items()},
            "tokens": {finding.value: ids for finding, ids in self.findings.items()},
            "done": self.done.as_json(),
        }


def reconcile(
    call: Call[ListingProvider], merchant: str, *, apply: bool, scheduled: Reconciliation | None = None
) -> ReconciliationReport:
    """Compare, and `apply` what follows from it; else nothing at all is written.

    `scheduled` is the scheduler's item as it was read. An error ends the run; changes made before it stay.
    """
    call.account(merchant)  # an unknown merchant leaves nothing in the store
    if apply and scheduled is None:
        scheduled = call.store.reconciliation(merchant)
    found, findings = _look(call, merchant)
    headroom, done = record_headroom(call, found.used), AppliedChanges()
    if apply:
        _put_right(call, found, findings, done)
        done.minted = _make_up(call, found, done)
        _end(call, scheduled or Reconciliation(merchant=merchant), found.used, headroom)
    return ReconciliationReport(findings, found.used, call.provider.capabilities.limit, headroom, apply, done)


def reconcile_on_schedule(call: Call[ListingProvider], scheduled: Reconciliation) -> None:
    """The daily one. A merchant whose secret is gone, and who has no token left, is looked after no more."""
    try:
        reconcile(call, scheduled.merchant, apply=True, scheduled=scheduled)
    except MerchantNotFound:
        if any(record.state in SERVABLE | {State.REVOKING} for record in call.store.all_tokens(scheduled.merchant)):
            raise
        call.store.cancel_reconciliation(scheduled)


def _look(call: Call[ListingProvider], merchant: str) -> tuple[Inventory, dict[Finding, list[str]]]:
    """One look; a second one where the first says that everything is lost, which a provider's hiccup says as well."""
    found, findings = _compare(call, merchant)
    missed = frozenset(findings[Finding.LOST])
    if missed and not found.ours_listed:
        call.telemetry.notice("provider_list_has_none_of_ours", merchant=merchant, records=len(missed))
        call.clock.sleep(min(RECHECK_DELAY, call.deadline.left()))
        found, findings = _compare(call, merchant)
        doubted = [token_id for token_id in findings[Finding.LOST] if token_id not in missed]
        findings[Finding.LOST] = [token_id for token_id in findings[Finding.LOST] if token_id in missed]
        findings[Finding.IN_FLIGHT] += doubted
    return found, findings


def _compare(call: Call[ListingProvider], merchant: str) -> tuple[Inventory, dict[Finding, list[str]]]:
    until = call.deadline.within(PROVIDER_BUDGET)
    found = call.with_credential_refresh(merchant, lambda account: take_inventory(call, account, until, intents=True))
    return found, found.findings(call.clock.now())


def _put_right(
    call: Call[ListingProvider], found: Inventory, findings: dict[Finding, list[str]], done: AppliedChanges
) -> None:
    """Somebody who does the same at once has done a part of it: each says what it has changed itself."""
    listed, change = found.by_id, Change(call.caller, Reason.RECONCILED)
    for token_id in findings[Finding.UNRECORDED]:
        if call.store.adopt(_adopted(call, found, listed[token_id]), change):
            done.adopted.append(token_id)
            call.telemetry.count("TokensIssued")
    for token_id in findings[Finding.REAPPEARED]:
        _put_back(call, found.records[token_id], listed[token_id], done)
    for token_id in findings[Finding.LOST]:
        if call.store.mark_lost(found.records[token_id], Change(call.caller, Reason.LOST)):
            done.lost.append(token_id)
            call.telemetry.notice("token_lost", merchant=found.account.merchant, token_id=token_id)
            call.telemetry.count("TokensLost")
    if done.lost:
        call.cache.drop(found.account.merchant)


def _adopted(call: Call[ListingProvider], found: Inventory, listed: ListedToken) -> Token:
    """Nobody knows any more what it was made for: it stands beside the current one, for an operator to judge."""
    tag = found.own_tag(listed)  # which it has, or it would be foreign
    return token_from(
        listed.token,
        provider=call.provider.name,
        merchant=found.account.merchant,
        subject=SHOP,
        state=State.STANDING,
        title=tag and tag.title,
        requested_by=call.caller,
    )


def _put_back(call: Call[ListingProvider], record: Token, listed: ListedToken, done: AppliedChanges) -> None:
    """What was to end is asked to end again: its end was confirmed wrongly. What was only missed is good as before,
    and stands beside the token that has become current in its place.
    """
    change = Change(call.caller, Reason.RECONCILED)
    if record.state is State.REVOKED:
        if call.store.revoke_again(record, change):
            done.revoking.append(record.token_id)
    elif record.history and record.history[-1].before is State.RETIRING:
        call.store.mark_revoking(record, Change(call.caller, Reason.ROTATED))
        done.revoking.append(record.token_id)
    elif call.store.restore(record, listed.token.access_token, change):
        done.brought_back.append(record.token_id)
        call.telemetry.count("TokensIssued")


def _make_up(call: Call[ListingProvider], found: Inventory, done: AppliedChanges) -> str | None:
    """The new current token's id, if the last one was lost: also where who marked it so had no time to mint."""
    merchant = found.account.merchant
    was_current = any(found.records[token_id].state is State.CURRENT for token_id in done.lost)
    if not was_current and not _owed(found.records.values()):
        return None
    token_id = shop_token(call, merchant).token_id
    return None if token_id in found.by_id or token_id in found.records else token_id


def _owed(records: Iterable[Token]) -> bool:
    """Whether the last token that was current has been lost: nobody has ended it. In doubt, within one second, no."""
    ends = [(line.at, line.after) for record in records for line in record.history if line.before is State.CURRENT]
    return bool(ends) and max(ends)[1] is State.LOST


def _end(call: Call[ListingProvider], scheduled: Reconciliation, used: int, headroom: int | None) -> None:
    """Until tomorrow; and the world hears, once a day at most, that few places are left."""
    now, told, near_at = call.clock.now(), None, None
    if headroom is not None and headroom < WARN_BELOW_SLOTS:
        near_at = scheduled.near_at
        # A clock that has jumped back must not keep the world from ever hearing of it.
        if near_at is None or not 0 <= now - near_at < DAY:
            near_at = int(now)
            limit = used + headroom
            told = token_limit_near(call.provider.name, scheduled.merchant, used=used, limit=limit, at=now)
    call.store.complete_reconciliation(scheduled, next_reconciliation(now, call.jitter()), near_at, told)
