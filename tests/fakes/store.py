"""Keep tokens in memory by the rules of the port.

Leases have an end and a fence. There are intents, closed sessions and Idempotency-Keys. A record loses its value when
its token ends.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import replace
from dataclasses import dataclass
from typing import Any

from token_broker.clock import Clock
from token_broker.domain.events import (
    Event,
    rotation_failed,
    session_closed,
    token_issued,
    token_revoked,
    token_rotated,
)
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.pending import PendingRevocation, Reconciliation, SessionClosure
from token_broker.domain.rotation import Rotation, RotationSchedule, RotationSettings, Succession
from token_broker.domain.token import SHOP, Change, Reason, State, Token, Transition, session_of
from token_broker.errors import Conflict, MintInProgress, ProviderError, RequestOutcome, SessionClosed

#: Seconds; the real store's own.
LEASE = 40
IN_FLIGHT_GRACE = 4
KEY_RETENTION = 24 * 60 * 60
OVERLAP = 7 * 24 * 60 * 60

BROKER_ID = "brokerid"
PROVIDER = "fake"
TO_END = (State.REVOKING, State.RETIRING)


@dataclass
class Work:
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


class MemoryTokenStore:
    """Implement `TokenStore` in memory.

    `before` and `after` hold actions for the next call of an operation. An action that raises is a storage failure
    before or after the operation did its part.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.subjects: dict[tuple[str, str], Work] = {}
        self.standing: dict[tuple[str, str], Work] = {}
        self.records: dict[tuple[str, str, str], Token] = {}
        #: Of each token that is to be revoked, now or after its overlap: since when, due at, tries, and why.
        self.pending: dict[tuple[str, str], tuple[int, int, int, Reason]] = {}
        self.rotations: dict[str, Rotation] = {}
        self.settings: dict[str, RotationSettings] = {}
        self.schedules: dict[str, RotationSchedule] = {}
        self.reconciliations: dict[str, Reconciliation] = {}
        #: The emitted events.
        self.told: list[Event] = []
        self.calls: list[str] = []
        self.before: defaultdict[str, list[Callable[[], object]]] = defaultdict(list)
        self.after: defaultdict[str, list[Callable[[], object]]] = defaultdict(list)

    # What tests arrange

    def refuse(self, operation: str, failure: Exception, *, after: bool = False) -> None:
        """Have the next call of an operation fail, before or after it did its part."""

        def fail() -> None:
            raise failure

        (self.after if after else self.before)[operation].append(fail)

    def close_at_once(self, merchant: str, session_id: str) -> None:
        """Close a session by its id."""
        self.close_session(merchant, f"session:{session_id}", None)

    def keep(self, token: Token, *, checked_at: float = 0.0) -> Token:
        """Have a token's record stand; a current one is served."""
        self.records[token.merchant, token.subject, token.token_id] = token
        if token.state is State.CURRENT:
            work = self.subjects.setdefault((token.merchant, token.subject), Work(fence=1))
            work.checked_at = checked_at
            if token.subject == SHOP:
                work.current = token
        return token

    def lose_leases(self) -> None:
        """Have somebody else take over everything that is being minted, as after the end of a lease."""
        for work in (*self.subjects.values(), *self.standing.values()):
            if work.owner is not None:
                work.owner, work.fence, work.lease_end = "somebody-else", work.fence + 1, self._now() + LEASE

    @property
    def open_intents(self) -> list[str]:
        """The intents that nobody has ended."""
        works = (*self.subjects.values(), *self.standing.values())
        return [work.intent_id for work in works if work.intent_id is not None]

    @property
    def leases(self) -> int:
        """How many mints somebody holds."""
        return sum(work.owner is not None for work in (*self.subjects.values(), *self.standing.values()))

    def due_items(self, merchant: str) -> list[str]:
        """Return the keys of the pending work, as the due index would list them."""
        now = self._now()
        tokens = [
            f"token#{token_id}"
            for (whose, token_id), (_, due_at, _, _) in self.pending.items()
            if whose == merchant and due_at <= now and self.records[merchant, SHOP, token_id].state in TO_END
        ]
        rotation = self.rotations.get(merchant)
        if rotation is not None and rotation.open and rotation.due_at <= now:
            tokens.append("rotation#shop")
        schedule = self.schedules.get(merchant)
        if schedule is not None and schedule.due_at is not None and schedule.due_at <= now:
            tokens.append("settings#rotation")
        watched = self.reconciliations.get(merchant)
        if watched is not None and watched.due_at is not None and watched.due_at <= now:
            tokens.append("reconciliation#shop")
        works = [(f"subject#{key[1]}", key[0], work) for key, work in self.subjects.items() if key[1] == SHOP]
        works += [(f"intent#{key[1]}", key[0], work) for key, work in self.standing.items()]
        works = [each for each in works if each[2].intent_id is not None and each[2].findable]
        due = [(item, whose) for item, whose, work in works if work.due_at <= now]
        return tokens + [item for item, whose in due if whose == merchant]

    # The port

    def close_session(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        with self._operation("close_session"):
            work = self.subjects.setdefault((merchant, subject), Work())
            new = not work.closed
            if new:
                work.closed, work.closed_at, work.order_id = True, self._now(), order_id
                work.owner = None
                event = session_closed(
                    PROVIDER, merchant, session_of(subject), order_id=order_id, closed_at=work.closed_at
                )
                self.told.append(event)
            return SessionClosure(closed_at=work.closed_at, order_id=work.order_id, new=new)

    def subject_state(self, merchant: str, subject: str) -> SubjectState:
        with self._operation("subject_state"):
            work = self.subjects.get((merchant, subject), Work())
            lease_expires_at = 0 if work.owner is None else work.lease_end
            has_intent = work.intent_id is not None
            lease: dict[str, Any] = {"lease_expires_at": lease_expires_at, "has_open_intent": has_intent}
            if subject == SHOP:
                return SubjectState(token=work.current, checked_at=work.checked_at, fence=work.fence, **lease)
            tokens = [each for key, each in self.records.items() if key[:2] == (merchant, subject)]
            newest = max(tokens, key=lambda token: token.expires_at or 0, default=None)
            return SubjectState(token=newest, closed=work.closed, fence=work.fence, **lease)

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        with self._operation("acquire"):
            key = (lease_request.merchant, lease_request.subject)
            work = self.subjects.get(key, Work())
            if work.fence != expected.fence or work.closed or not self._free(work):
                return LeaseHeld()
            self.subjects[key] = work
            self._take(work, lease_request)
            sort_key = "subject#shop" if lease_request.subject == SHOP else "subject"
            return _mint(work, lease_request, sort_key)

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        with self._operation("acquire_standing"):
            item_id = lease_request.key_id or lease_request.intent_id
            key = (lease_request.merchant, item_id)
            work = self.standing.setdefault(key, Work())
            forgotten = work.forget_at is not None and work.forget_at < self._now()
            again = work.token_id is None and work.body_hash == lease_request.body_hash and self._free(work)
            if work.fence == 0 or forgotten or again:
                work.token_id = work.forget_at = None
                self._take(work, lease_request)
                return _mint(work, lease_request, f"intent#{item_id}")
            if work.body_hash != lease_request.body_hash:
                raise Conflict("This Idempotency-Key came with another body before.")
            if work.token_id is None:
                return LeaseHeld()
            made = self._record(lease_request.merchant, work.token_id)
            if made is None:
                raise Conflict("The token that this Idempotency-Key made is gone.")
            return IdempotentReplay(made)

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        with self._operation("commit"):
            work = self._work(lease)
            if work is None or not _held(work, lease) or work.closed:
                if work is not None and work.closed:
                    raise SessionClosed
                raise MintInProgress
            if not self._may_stand(token):
                detail = "The provider gave an id that belongs to another token of this merchant."
                raise ProviderError(detail, request_outcome=RequestOutcome.UNKNOWN)
            if replaced is not None and not self._replaceable(replaced):
                raise MintInProgress
            there = self.records.get((token.merchant, token.subject, token.token_id))
            same = there if there is not None and there.digest == token.digest else None
            before, earlier = (None, ()) if same is None else (same.state, same.history)
            line = Transition(self._now(), token.requested_by, before, token.state, reason.value)
            self.records[token.merchant, token.subject, token.token_id] = replace(token, history=(*earlier, line))
            self.told.append(token_issued(token, reason=reason.value, at=self._now()))
            if replaced is not None:
                self._replace(replaced, token)
            if not lease.standing:
                work.end_intent()
                if lease.subject == SHOP:
                    work.current, work.checked_at = token, self._now()
            elif lease.remembered:
                work.end_intent()
                work.token_id, work.forget_at = token.token_id, self._now() + KEY_RETENTION
            else:
                del self.standing[lease.merchant, lease.key.removeprefix("intent#")]

    def confirm(self, lease: MintLease) -> None:
        with self._operation("confirm"):
            work = self._work(lease)
            if work is not None and _held(work, lease):
                work.checked_at = self._now()
                work.end_intent()

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        with self._operation("release"):
            work = self._work(lease)
            if work is None or not _held(work, lease) or work.closed:
                return
            if request_outcome is RequestOutcome.IN_FLIGHT:
                work.lease_end = self._now() + IN_FLIGHT_GRACE
            elif request_outcome is RequestOutcome.UNKNOWN:
                work.owner = None
            elif lease.standing:
                del self.standing[lease.merchant, lease.key.removeprefix("intent#")]
            else:
                work.end_intent()

    def get_token(self, merchant: str, token_id: str) -> Token | None:
        with self._operation("get_token"):
            return self._record(merchant, token_id)

    def all_tokens(self, merchant: str) -> list[Token]:
        with self._operation("all_tokens"):
            return [token for key, token in self.records.items() if key[:2] == (merchant, SHOP)]

    def mark_revoking(self, token: Token, change: Change, *, ask_from: int | None = None) -> None:
        with self._operation("mark_revoking"):
            work = self.subjects.get((token.merchant, token.subject))
            if work is not None and work.current is not None and work.current.token_id == token.token_id:
                work.current = None
            if self._record(token.merchant, token.token_id) is None:
                self._record_marked(token, change, ask_from)
            else:
                self._mark(token, change, ask_from)

    def mark_revoked(self, token: Token, change: Change) -> None:
        with self._operation("mark_revoked"):
            if self._end(token, State.REVOKED, change):
                self.told.append(token_revoked(token, reason=change.reason.value, at=self._now()))

    def rotation(self, merchant: str) -> Rotation | None:
        with self._operation("rotation"):
            return self.rotations.get(merchant)

    def request_rotation(self, rotation: Rotation, expected: SubjectState, previous: Rotation | None) -> bool:
        with self._operation("request_rotation"):
            there = self.rotations.get(rotation.merchant)
            same = (there and there.rotation_id) == (previous and previous.rotation_id)
            fence = self.subjects.get((rotation.merchant, SHOP), Work()).fence
            if not same or fence != expected.fence:
                return False
            self.rotations[rotation.merchant] = rotation
            return True

    def reschedule_rotation(self, rotation: Rotation, due_at: int, failure: str) -> None:
        with self._operation("reschedule_rotation"):
            if self._is_open(rotation):
                there = self.rotations[rotation.merchant]
                if not rotation.tries and there.tries:
                    return  # two that fail at once tell it once
                moved = replace(there, due_at=due_at, failure=failure, tries=there.tries + 1)
                self.rotations[rotation.merchant] = moved
                if not rotation.tries:
                    self._tell_failure(rotation, failure, retrying=True)

    def end_rotation(self, rotation: Rotation, failure: str | None = None) -> None:
        with self._operation("end_rotation"):
            if self._is_open(rotation):
                self.rotations[rotation.merchant] = replace(
                    self.rotations[rotation.merchant], open=False, failure=failure
                )
                if failure is not None:
                    self._tell_failure(rotation, failure, retrying=False)

    def rotation_settings(self, merchant: str) -> RotationSettings:
        with self._operation("rotation_settings"):
            return self.settings.get(merchant, RotationSettings(overlap=OVERLAP))

    def rotation_schedule(self, merchant: str) -> RotationSchedule | None:
        with self._operation("rotation_schedule"):
            return self.schedules.get(merchant)

    def replace_rotation_schedule(self, merchant: str, schedule: RotationSchedule, *, expected: int) -> bool:
        with self._operation("replace_rotation_schedule"):
            there = self.schedules.get(merchant)
            if (0 if there is None else there.revision) != expected:
                return False
            self.schedules[merchant], self.settings[merchant] = schedule, schedule.settings
            return True

    def reschedule_settings_check(self, merchant: str, expected: RotationSchedule, due_at: int | None) -> None:
        with self._operation("reschedule_settings_check"):
            there = self.schedules.get(merchant)
            if there is not None and (there.revision, there.due_at) == (expected.revision, expected.due_at):
                self.schedules[merchant] = replace(there, due_at=due_at)

    def schedule_reconciliation(self, merchant: str, due_at: int) -> None:
        with self._operation("schedule_reconciliation"):
            there = self.reconciliations.get(merchant, Reconciliation(merchant=merchant))
            if there.due_at is None:
                self.reconciliations[merchant] = replace(there, due_at=due_at)

    def reconciliation(self, merchant: str) -> Reconciliation | None:
        with self._operation("reconciliation"):
            return self.reconciliations.get(merchant)

    def complete_reconciliation(
        self, expected: Reconciliation, due_at: int, near_at: int | None, told: Event | None = None
    ) -> None:
        with self._operation("complete_reconciliation"):
            if self._is_unmoved(expected):
                ended = Reconciliation(merchant=expected.merchant, due_at=due_at, near_at=near_at)
                self.reconciliations[expected.merchant] = ended
                self.told += [] if told is None else [told]

    def reschedule_reconciliation(self, expected: Reconciliation, due_at: int) -> None:
        with self._operation("reschedule_reconciliation"):
            if self._is_unmoved(expected):
                self.reconciliations[expected.merchant] = replace(expected, due_at=due_at, tries=expected.tries + 1)

    def cancel_reconciliation(self, expected: Reconciliation) -> None:
        with self._operation("cancel_reconciliation"):
            if self._is_unmoved(expected):
                self.reconciliations[expected.merchant] = replace(expected, due_at=None, tries=0)

    def open_intent_ids(self, merchant: str) -> frozenset[str]:
        with self._operation("open_intent_ids"):
            works = [work for key, work in self.standing.items() if key[0] == merchant]
            works += [work for key, work in self.subjects.items() if key == (merchant, SHOP)]
            return frozenset(work.intent_id for work in works if work.intent_id is not None)

    def adopt(self, token: Token, change: Change) -> bool:
        with self._operation("adopt"):
            key = (token.merchant, token.subject, token.token_id)
            if key in self.records:
                return False
            line = Transition(self._now(), change.actor, None, token.state, change.reason.value)
            self.records[key] = replace(token, history=(line,))
            self.told.append(token_issued(token, reason=change.reason.value, at=self._now()))
            return True

    def restore(self, token: Token, access_token: str, change: Change) -> bool:
        with self._operation("restore"):
            there = self._record(token.merchant, token.token_id)
            if there is None or there.state is not State.LOST:
                return False
            self._move(there, State.STANDING, change, access_token=access_token, expires_at=None)
            standing = self.records[token.merchant, token.subject, token.token_id]
            self.told.append(token_issued(standing, reason=change.reason.value, at=self._now()))
            return True

    def revoke_again(self, token: Token, change: Change) -> bool:
        with self._operation("revoke_again"):
            there = self._record(token.merchant, token.token_id)
            if there is None or there.state is not State.REVOKED:
                return False
            key = (token.merchant, token.token_id)
            reason = self.pending[key][3] if key in self.pending else Reason.REQUESTED
            self._move(there, State.REVOKING, change)
            self.pending[key] = (self._now(), self._now(), 0, reason)
            return True

    def mark_lost(self, token: Token, change: Change) -> bool:
        with self._operation("mark_lost"):
            there = self._record(token.merchant, token.token_id)
            if there is None or there.state is not token.state:
                return False
            work = self.subjects.get((token.merchant, token.subject))
            if work is not None and work.current is not None and work.current.token_id == token.token_id:
                work.current = None
            self._end(token, State.LOST, change)
            self.told.append(token_revoked(token, reason=change.reason.value, at=self._now()))
            return True

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        with self._operation("pending_revocation"):
            token = self._record(merchant, token_id)
            if token is None or token.state not in TO_END:
                return None
            return PendingRevocation(token, *self.pending[merchant, token_id])

    def reschedule_revocation(self, pending: PendingRevocation, due_at: int) -> None:
        with self._operation("reschedule_revocation"):
            key = (pending.token.merchant, pending.token.token_id)
            since, expected, tries, reason = self.pending[key]
            if expected == pending.due_at:
                self.pending[key] = (since, due_at, tries + 1, reason)

    def acquire_expired(self, merchant: str, item: str, owner: str) -> OpenIntent | None:
        with self._operation("acquire_expired"):
            work = self._due_work(merchant, item)
            if work is None or work.intent_id is None or work.due_at > self._now() or not self._free(work):
                return None
            work.fence += 1
            work.owner = owner
            work.lease_end = work.due_at = self._now() + LEASE
            lease = MintLease(
                merchant=merchant,
                subject=SHOP,
                key=item,
                intent_id=work.intent_id,
                owner=owner,
                fence=work.fence,
                continued=True,
                title=work.title,
                remembered=work.body_hash is not None,
                account_id=work.account_id,
            )
            return OpenIntent(lease, work.requested_by, work.asked_until, work.tries)

    def defer(self, merchant: str, item: str, due_at: int) -> None:
        with self._operation("defer"):
            key = (merchant, item.removeprefix("token#"))
            if key in self.pending:
                since, _, tries, reason = self.pending[key]
                self.pending[key] = (since, due_at, tries, reason)
            rotation = self.rotations.get(merchant)
            if item == "rotation#shop" and rotation is not None and rotation.open:
                self.rotations[merchant] = replace(rotation, due_at=due_at)
            if item == "reconciliation#shop" and merchant in self.reconciliations:
                self.reconciliations[merchant] = replace(self.reconciliations[merchant], due_at=due_at)
            work = self._due_work(merchant, item)
            if work is not None:
                work.due_at = due_at

    def release_and_retry_at(self, lease: MintLease, due_at: int) -> None:
        with self._operation("release_and_retry_at"):
            work = self._work(lease)
            if work is not None and _held(work, lease):
                work.owner, work.due_at, work.tries = None, due_at, work.tries + 1

    def broker_id(self) -> str:
        with self._operation("broker_id"):
            return BROKER_ID

    # The rules

    @contextmanager
    def _operation(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        if self.before[name]:
            self.before[name].pop(0)()
        yield
        if self.after[name]:
            self.after[name].pop(0)()

    def _now(self) -> int:
        return int(self._clock.now())

    def _free(self, work: Work) -> bool:
        return work.owner is None or work.lease_end <= self._now()

    def _take(self, work: Work, lease_request: LeaseRequest) -> None:
        work.fence += 1
        work.owner = lease_request.owner
        work.lease_end = work.due_at = work.asked_until = self._now() + LEASE
        work.requested_by = work.requested_by if work.intent_id else lease_request.requested_by
        work.intent_id = work.intent_id or lease_request.intent_id
        work.title, work.body_hash = lease_request.title, lease_request.body_hash
        work.account_id = work.account_id or lease_request.account_id
        work.findable = lease_request.findable

    def _due_work(self, merchant: str, item: str) -> Work | None:
        kind, _, name = item.partition("#")
        return self.standing.get((merchant, name)) if kind == "intent" else self.subjects.get((merchant, name))

    def _work(self, lease: MintLease) -> Work | None:
        if lease.standing:
            return self.standing.get((lease.merchant, lease.key.removeprefix("intent#")))
        return self.subjects.get((lease.merchant, lease.subject))

    def _record(self, merchant: str, token_id: str) -> Token | None:
        return self.records.get((merchant, SHOP, token_id))

    def _may_stand(self, token: Token) -> bool:
        """Return whether the token's id may be recorded again: for the same token, or after an ended one."""
        there = self.records.get((token.merchant, token.subject, token.token_id))
        if there is None or (there.expires_at is not None and there.expires_at <= self._now()):
            return True
        if there.digest == token.digest:
            return there.state not in {State.REVOKING, State.REVOKED}
        return there.state is State.REVOKED

    def _end(self, token: Token, state: State, change: Change) -> bool:
        there = self.records.get((token.merchant, token.subject, token.token_id))
        if there is None or there.state is State.REVOKED:
            return False
        ends = there.expires_at if state is State.LOST else None
        self._move(there, state, change, access_token=None, expires_at=ends)
        return True

    def _record_marked(self, token: Token, change: Change, ask_from: int | None) -> None:
        line = Transition(self._now(), change.actor, None, State.REVOKING, change.reason.value)
        marked = replace(token, state=State.REVOKING, access_token=None, expires_at=None, history=(line,))
        self.records[token.merchant, token.subject, token.token_id] = marked
        due_at = self._now() if ask_from is None else ask_from
        self.pending[token.merchant, token.token_id] = (self._now(), due_at, 0, change.reason)

    def _mark(self, token: Token, change: Change, ask_from: int | None) -> None:
        key = (token.merchant, token.token_id)
        there = self.records[token.merchant, token.subject, token.token_id]
        if there.state in {State.REVOKED, State.REVOKING}:
            return
        tries = self.pending[key][2] if key in self.pending else 0
        self._move(there, State.REVOKING, change, access_token=None, expires_at=None)
        self.pending[key] = (self._now(), self._now() if ask_from is None else ask_from, tries, change.reason)

    def _move(self, there: Token, state: State, change: Change, **changes: Any) -> None:
        line = Transition(self._now(), change.actor, there.state, state, change.reason.value)
        key = (there.merchant, there.subject, there.token_id)
        self.records[key] = replace(there, state=state, history=(*there.history, line), **changes)

    def _replaceable(self, succession: Succession) -> bool:
        previous = succession.previous
        there = self.records.get((previous.merchant, previous.subject, previous.token_id))
        return there is not None and (
            there.state is not State.REVOKED if succession.state is State.LOST else there.state is State.CURRENT
        )

    def _replace(self, succession: Succession, token: Token) -> None:
        previous, until = succession.previous, succession.until
        there = self.records[previous.merchant, previous.subject, previous.token_id]
        if succession.state is State.LOST:
            self._end(previous, State.LOST, Change(token.requested_by, Reason.LOST))
        elif succession.state is State.RETIRING:
            self._move(there, State.RETIRING, Change(token.requested_by, Reason.ROTATED))
            due_at = self._now() if until is None else until
            self.pending[there.merchant, there.token_id] = (due_at, due_at, 0, Reason.ROTATED)
        else:
            self._mark(previous, Change(token.requested_by, Reason.COMPROMISED), until)
        self.told.append(
            token_rotated(
                token,
                previous_token_id=previous.token_id,
                rotation_id=succession.rotation_id,
                overlap_ends_at=until if succession.state is State.RETIRING else None,
                compromised=succession.state is State.REVOKING,
                at=self._now(),
            )
        )

    def _is_unmoved(self, expected: Reconciliation) -> bool:
        there = self.reconciliations.get(expected.merchant, Reconciliation(merchant=expected.merchant))
        return there.due_at == expected.due_at

    def _is_open(self, rotation: Rotation) -> bool:
        there = self.rotations.get(rotation.merchant)
        return there is not None and there.rotation_id == rotation.rotation_id and there.open

    def _tell_failure(self, rotation: Rotation, code: str, *, retrying: bool) -> None:
        event = rotation_failed(
            PROVIDER,
            rotation.merchant,
            rotation_id=rotation.rotation_id,
            code=code,
            retrying=retrying,
            at=self._now(),
        )
        self.told.append(event)


def _held(work: Work, lease: MintLease) -> bool:
    return work.owner == lease.owner and work.fence == lease.fence


def _mint(work: Work, lease_request: LeaseRequest, key: str) -> MintLease:
    return MintLease(
        merchant=lease_request.merchant,
        subject=lease_request.subject,
        key=key,
        intent_id=work.intent_id or lease_request.intent_id,
        owner=lease_request.owner,
        fence=work.fence,
        continued=work.intent_id != lease_request.intent_id,
        title=lease_request.title,
        remembered=lease_request.body_hash is not None,
        account_id=work.account_id,
    )
