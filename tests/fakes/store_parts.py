"""Implement each port of the store on the state in `MemoryStore`."""

import re
from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any

from token_broker.domain.credential_pair import PairRecord
from token_broker.domain.events import Event, session_closed
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.mint_quota import MINUTE, allowed_mints, next_mint_at
from token_broker.domain.pending import (
    PendingRevocation,
    Reconciliation,
    SessionClosure,
    SettingsCheck,
    UnreadWork,
    Work,
    WorkKind,
    WorkRef,
)
from token_broker.domain.rotation import Rotation, RotationSettings, Succession
from token_broker.domain.token import SHOP, Change, Reason, State, Token, Transition, session_of
from token_broker.errors import Conflict, MintInProgress, ProviderError, RateLimited, RequestOutcome, SessionClosed
from token_broker.ports.documents import Revisioned

if TYPE_CHECKING:
    from tests.fakes.store import MemoryStore

#: Seconds; the real store's own.
LEASE = 40
IN_FLIGHT_GRACE = 4
KEY_RETENTION = 24 * 60 * 60
OVERLAP = 7 * 24 * 60 * 60

BROKER_ID = "brokerid"
TO_END = (State.REVOKING, State.RETIRING)
KINDS = {
    "token": WorkKind.REVOCATION,
    "rotation": WorkKind.ROTATION,
    "settings": WorkKind.ROTATION_SETTINGS,
    "reconciliation": WorkKind.RECONCILIATION,
    "pair": WorkKind.PAIR,
    "subject": WorkKind.INTENT,
    "intent": WorkKind.INTENT,
}
ITEMS = {
    Rotation: "rotation#shop",
    SettingsCheck: "settings#rotation",
    Reconciliation: "reconciliation#shop",
    PairRecord: "pair#shop",
}


@dataclass
class Mint:
    """What stands of a mint: who holds it until when, and the intent that is not ended yet."""

    fence: int = 0
    owner: str | None = None
    lease_end: int = 0
    intent_id: str | None = None
    title: str | None = None
    requested_by: str = ""
    account_id: str = ""
    #: Whether the clock comes back to it at all: only where a lost answer can be looked up.
    findable: bool = True
    #: When the clock comes back to an open intent, and until when its last holder may have asked.
    due_at: int = 0
    asked_until: int = 0
    tries: int = 0
    body_hash: str | None = None
    #: Of an Idempotency-Key whose token was made.
    token_id: str | None = None
    forget_at: int | None = None
    #: Of a subject.
    current: Token | None = None
    checked_at: float = 0.0
    closed: bool = False
    closed_at: int = 0
    order_id: str | None = None

    def end_intent(self) -> None:
        """End the intent and raise the fence, so that a read from during the mint is outdated."""
        self.owner = self.intent_id = self.title = None
        self.account_id = ""
        self.fence += 1
        self.tries = 0


class Part:
    """Hold the state. Each public method is an operation of the port of this name."""

    def __init__(self, memory: "MemoryStore") -> None:
        self._memory = memory

    def __init_subclass__(cls, name: str) -> None:
        for each, method in vars(cls).copy().items():
            if isinstance(method, FunctionType) and not each.startswith("_"):
                setattr(cls, each, _operation(f"{name}.{each}", method))


def _operation(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Part, *arguments: Any, **named: Any) -> Any:
        with self._memory.operation(name):
            return method(self, *arguments, **named)

    return call


class MemoryLeases(Part, name="leases"):
    """Implement `Leases`."""

    def state(self, merchant: str, subject: str) -> SubjectState:
        work = self._memory.subjects.get((merchant, subject), Mint())
        token = work.current
        if subject != SHOP:
            tokens = [each for key, each in self._memory.records.items() if key[:2] == (merchant, subject)]
            token = max(tokens, key=lambda token: token.expires_at or 0, default=None)
        lease_expires_at = 0 if work.owner is None else work.lease_end
        has_intent = work.intent_id is not None
        return SubjectState(token, work.checked_at, work.closed, work.fence, lease_expires_at, has_intent)

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        key = (lease_request.merchant, lease_request.subject)
        work = self._memory.subjects.get(key, Mint())
        if work.fence != expected.fence or work.closed or not self._memory.is_free(work):
            return LeaseHeld()
        self._memory.subjects[key] = work
        self._memory.take(work, lease_request)
        return lease_of(work, lease_request, None, lease_request.intent_id)

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        item_id = lease_request.key_id or lease_request.intent_id
        key = (lease_request.merchant, item_id)
        work = self._memory.standing.setdefault(key, Mint())
        forgotten = work.forget_at is not None and work.forget_at < self._memory.now()
        again = work.token_id is None and work.body_hash == lease_request.body_hash and self._memory.is_free(work)
        if work.fence == 0 or forgotten or again:
            work.token_id = work.forget_at = None
            self._memory.take(work, lease_request)
            return lease_of(work, lease_request, item_id, lease_request.intent_id)
        if work.body_hash != lease_request.body_hash:
            raise Conflict("This Idempotency-Key came with another body before.")
        if work.token_id is None:
            return LeaseHeld()
        made = self._memory.record(lease_request.merchant, work.token_id)
        if made is None:
            raise Conflict("The token that this Idempotency-Key made is gone.")
        return IdempotentReplay(made)

    def acquire_expired(self, merchant: str, standing_id: str | None, owner: str) -> OpenIntent | None:
        work = self._memory.due_work(standing_id is not None, merchant, standing_id or SHOP)
        if work is None or work.intent_id is None or not work.findable or not self._memory.is_free(work):
            return None
        if work.due_at > self._memory.now():
            return None
        work.fence += 1
        work.owner = owner
        work.lease_end = work.due_at = self._memory.now() + LEASE
        lease = lease_of(work, LeaseRequest(merchant, SHOP, "", owner), standing_id, "")
        return OpenIntent(lease, work.requested_by, work.asked_until, work.tries)

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        work = self._memory.work(lease)
        if work is not None and work.closed:
            raise SessionClosed
        if work is None or not held(work, lease):
            raise MintInProgress
        if not self._memory.may_stand(token):
            detail = "The provider gave an id that belongs to another token of this merchant."
            raise ProviderError(detail, request_outcome=RequestOutcome.UNKNOWN)
        if replaced is not None and not self._memory.replaceable(replaced):
            raise MintInProgress
        there = self._memory.records.get((token.merchant, token.subject, token.token_id))
        same = there if there is not None and there.digest == token.digest else None
        before, earlier = (None, ()) if same is None else (same.state, same.history)
        line = Transition(self._memory.now(), token.requested_by, before, token.state, reason.value)
        self._memory.records[token.merchant, token.subject, token.token_id] = replace(token, history=(*earlier, line))
        self._memory.tell_issued(token, reason)
        if replaced is not None:
            self._memory.supersede(replaced, token)
        if lease.standing_id is None:
            work.end_intent()
            if lease.subject == SHOP:
                work.current, work.checked_at = token, self._memory.now()
        elif lease.remembered:
            work.end_intent()
            work.token_id, work.forget_at = token.token_id, self._memory.now() + KEY_RETENTION
        else:
            del self._memory.standing[lease.merchant, lease.standing_id]

    def confirm(self, lease: MintLease) -> None:
        work = self._memory.work(lease)
        if work is not None and held(work, lease):
            work.checked_at = self._memory.now()
            work.end_intent()

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        work = self._memory.work(lease)
        if work is None or not held(work, lease) or work.closed:
            return
        if request_outcome is RequestOutcome.IN_FLIGHT:
            work.lease_end = self._memory.now() + IN_FLIGHT_GRACE
        elif request_outcome is RequestOutcome.UNKNOWN:
            work.owner = None
        elif lease.standing_id is not None:
            del self._memory.standing[lease.merchant, lease.standing_id]
        else:
            work.end_intent()

    def open_intent_ids(self, merchant: str) -> frozenset[str]:
        works = [work for key, work in self._memory.standing.items() if key[0] == merchant]
        works += [work for key, work in self._memory.subjects.items() if key == (merchant, SHOP)]
        return frozenset(work.intent_id for work in works if work.intent_id is not None)


class MemoryMintQuotas(Part, name="mint_quotas"):
    """Implement `MintQuotas`."""

    def check(self, merchant: str) -> None:
        left = self._memory.refused_until.get(merchant, 0) - self._memory.time()
        if left > 0:
            raise RateLimited(left)

    def take(self, merchant: str) -> None:
        memory, second = self._memory, self._memory.now() % MINUTE
        minute, limit = memory.now() - second, memory.mints_per_minute
        mints = memory.mint_counts[merchant, minute]
        if limit is not None and mints >= allowed_mints(limit, second):
            memory.refused_until[merchant] = minute + next_mint_at(limit, mints)
            raise RateLimited(memory.refused_until[merchant] - memory.time())
        memory.mint_counts[merchant, minute] += 1


class MemoryTokens(Part, name="tokens"):
    """Implement `Tokens`."""

    def get(self, merchant: str, token_id: str) -> Token | None:
        return self._memory.record(merchant, token_id)

    def all(self, merchant: str) -> list[Token]:
        return [token for key, token in self._memory.records.items() if key[:2] == (merchant, SHOP)]

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        self._memory.unserve(token)
        self._memory.mark(token, change, ask_from)

    def mark_revoked(self, token: Token, change: Change) -> None:
        there = self._memory.record(token.merchant, token.token_id)
        if there is not None and there.state is State.REVOKING:
            self._memory.end(token, State.REVOKED, change)
            self._memory.tell_revoked(token, change.reason)

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        token = self._memory.record(merchant, token_id)
        if token is None or token.state not in TO_END:
            return None
        return PendingRevocation(token, *self._memory.pending[merchant, token_id])

    def broker_id(self) -> str:
        return BROKER_ID


class MemoryCorrections(Part, name="corrections"):
    """Implement `Corrections`."""

    def adopt(self, token: Token, change: Change) -> bool:
        key = (token.merchant, token.subject, token.token_id)
        if key in self._memory.records:
            return False
        self._memory.move(token, token.state, change)
        self._memory.tell_issued(token, change.reason)
        return True

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        there = self._memory.record(token.merchant, token.token_id)
        if there is None or there.state is not State.LOST:
            return False
        self._memory.move(there, State.STANDING, change, access_token=access_token, expires_at=None)
        self._memory.tell_issued(replace(there, state=State.STANDING), change.reason)
        return True

    def revoke_again(self, token: Token, change: Change) -> bool:
        there = self._memory.record(token.merchant, token.token_id)
        if there is None or there.state is not State.REVOKED:
            return False
        key = (token.merchant, token.token_id)
        reason = self._memory.pending[key][3] if key in self._memory.pending else Reason.REQUESTED
        self._memory.move(there, State.REVOKING, change)
        self._memory.pending[key] = (self._memory.now(), self._memory.now(), 0, reason)
        return True

    def mark_lost(self, token: Token, change: Change) -> bool:
        there = self._memory.record(token.merchant, token.token_id)
        if there is None or there.state is not token.state:
            return False
        self._memory.unserve(token)
        self._memory.end(token, State.LOST, change)
        self._memory.tell_revoked(token, change.reason)
        return True


class MemoryRotations(Part, name="rotations"):
    """Implement `Rotations`."""

    def get(self, merchant: str) -> Rotation | None:
        return self._memory.rotation_items.get(merchant)

    def request(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        there = self._memory.rotation_items.get(rotation.merchant)
        same = (there and there.rotation_id) == (previous and previous.rotation_id)
        fence = self._memory.subjects.get((rotation.merchant, SHOP), Mint()).fence
        if not same or fence != expected.fence:
            return False
        self._memory.rotation_items[rotation.merchant] = rotation
        return True

    def end(self, rotation: Rotation, failure: str | None = None) -> None:
        there = self._memory.rotation_items.get(rotation.merchant)
        if there is not None and there.open and there.rotation_id == rotation.rotation_id:
            ended = replace(there, open=False, due_at=0, failure=failure)
            self._memory.rotation_items[rotation.merchant] = ended
            if failure is not None:
                self._memory.tell_failure(rotation, failure, retrying=False)


class MemoryRotationSettings(Part, name="rotation_settings"):
    """Implement `Documents` of rotation settings."""

    def read(self, merchant: str) -> Revisioned[RotationSettings]:
        return self._memory.schedules.get(merchant, Revisioned())

    def replace(self, merchant: str, new: Revisioned[RotationSettings], *, expected: int) -> bool:
        if self._memory.schedules.get(merchant, Revisioned[RotationSettings]()).revision != expected:
            return False
        self._memory.schedules[merchant] = new
        return True


class MemoryReconciliations(Part, name="reconciliations"):
    """Implement `Reconciliations`."""

    def get(self, merchant: str) -> Reconciliation | None:
        return self._memory.reconciliation_items.get(merchant)

    def schedule(self, merchant: str, due_at: int) -> None:
        there = self._memory.reconciliation_items.get(merchant, Reconciliation(merchant=merchant))
        if there.due_at is None:
            self._memory.reconciliation_items[merchant] = replace(there, due_at=due_at)

    def complete(self, expected: Reconciliation, due_at: int, near_at: int | None, event: Event | None = None) -> None:
        if self._memory.is_unmoved(expected):
            ended = Reconciliation(merchant=expected.merchant, due_at=due_at, near_at=near_at)
            self._memory.reconciliation_items[expected.merchant] = ended
            self._memory.told += [] if event is None else [event]

    def cancel(self, expected: Reconciliation) -> None:
        if self._memory.is_unmoved(expected):
            self._memory.reconciliation_items[expected.merchant] = replace(expected, due_at=None, tries=0)


class MemorySessions(Part, name="sessions"):
    """Implement `Sessions`."""

    def close(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        work = self._memory.subjects.setdefault((merchant, subject), Mint())
        if work.closed:
            return SessionClosure(work.closed_at, work.order_id, new=False)
        now, provider = self._memory.now(), self._memory.provider
        work.closed, work.closed_at, work.order_id, work.owner = True, now, order_id, None
        event = session_closed(provider, merchant, session_of(subject), order_id=order_id, closed_at=now)
        self._memory.told.append(event)
        return SessionClosure(now, order_id, new=True)


class MemorySchedule(Part, name="schedule"):
    """Implement `Schedule`."""

    @staticmethod
    def identify(item: str) -> WorkRef | None:
        key = re.fullmatch(r"([a-z]+)#([A-Za-z0-9_-]{1,100})", item)
        if key is None or key[1] not in KINDS:
            return None
        return WorkRef(KINDS[key[1]], "" if key[1] == "subject" else key[2])

    def reschedule(self, work: Work | UnreadWork, due_at: int | None, *, failure: str | None = None) -> None:
        memory, merchant, item = self._memory, *_place(work)
        there = memory.due_times(merchant).get(item)
        match work:
            case UnreadWork():
                unmoved = there is not None
            case OpenIntent():
                mint = memory.work(work.lease)
                unmoved = mint is not None and held(mint, work.lease)
                if mint is not None and unmoved:
                    mint.owner = None
            case Rotation():
                unmoved = there == work.due_at and memory.rotation_items[merchant].rotation_id == work.rotation_id
            case SettingsCheck():
                unmoved = there == work.due_at and memory.schedules[merchant].revision == work.revision
            case _:
                unmoved = there is not None and there == work.due_at
        if not unmoved:
            return
        self._move(merchant, item, due_at, 0 if failure is None else 1)
        if isinstance(work, Rotation) and failure is not None:
            memory.rotation_items[merchant] = replace(memory.rotation_items[merchant], failure=failure)
            if work.failure is None:
                memory.tell_failure(work, failure, retrying=True)

    def _move(self, merchant: str, item: str, due_at: int | None, more: int) -> None:
        """Change the time of the next try, and count one more failed try if there was one."""
        memory = self._memory
        kind, _, name = item.partition("#")
        if kind == "settings":
            memory.schedules[merchant] = memory.schedules[merchant]._replace(due_at=due_at)
        elif kind in {"pair", "reconciliation"}:
            items: dict[str, Any] = memory.pairs.items if kind == "pair" else memory.reconciliation_items
            tries = 0 if due_at is None else items[merchant].tries + more
            items[merchant] = items[merchant]._replace(due_at=due_at, tries=tries)
        elif due_at is None:
            raise AssertionError(f"{item} is never without a time")
        elif kind == "token":
            since, _, tries, reason = memory.pending[merchant, name]
            memory.pending[merchant, name] = (since, due_at, tries + more, reason)
        elif kind == "rotation":
            rotation = memory.rotation_items[merchant]
            memory.rotation_items[merchant] = rotation._replace(due_at=due_at, tries=rotation.tries + more)
        else:
            mint = (memory.subjects if kind == "subject" else memory.standing)[merchant, name]
            mint.due_at, mint.tries = due_at, mint.tries + more


def _place(work: Work | UnreadWork) -> tuple[str, str]:
    """Return the merchant of pending work, and the dispatcher's text for it."""
    match work:
        case UnreadWork():
            return work
        case PendingRevocation():
            return work.token.merchant, f"token#{work.token.token_id}"
        case OpenIntent():
            name = "subject#shop" if work.lease.standing_id is None else f"intent#{work.lease.standing_id}"
            return work.lease.merchant, name
    return work.merchant, ITEMS[type(work)]


def held(work: Mint, lease: MintLease) -> bool:
    """Return whether the lease still holds the mint."""
    return work.owner == lease.owner and work.fence == lease.fence


def lease_of(work: Mint, lease_request: LeaseRequest, standing_id: str | None, new_intent_id: str) -> MintLease:
    """Return the lease that was just taken."""
    return MintLease(
        lease_request.merchant,
        lease_request.subject,
        standing_id,
        work.intent_id or new_intent_id,
        lease_request.owner,
        work.fence,
        continued=work.intent_id != new_intent_id,
        title=work.title,
        account_id=work.account_id,
        remembered=work.body_hash is not None,
    )
