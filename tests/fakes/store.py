"""Keep tokens in memory by the rules of the ports: the state, the rules, and what tests arrange.

Leases have an end and a fence. There are intents, closed sessions and Idempotency-Keys. A record loses its value when
its token ends. `store_parts` has the ports' methods.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import replace
from typing import Any

from tests.fakes.pairs import MemoryPairs
from tests.fakes.store_parts import (
    BROKER_ID,
    LEASE,
    OVERLAP,
    TO_END,
    MemoryCorrections,
    MemoryLeases,
    MemoryMintQuotas,
    MemoryReconciliations,
    MemoryRotations,
    MemoryRotationSettings,
    MemorySchedule,
    MemorySessions,
    MemoryTokens,
    Mint,
)
from token_broker.clock import Clock
from token_broker.domain.credential_pair import PairRecord
from token_broker.domain.events import Event, rotation_failed, token_issued, token_revoked, token_rotated
from token_broker.domain.leases import LeaseRequest, MintLease
from token_broker.domain.pending import Reconciliation
from token_broker.domain.rotation import Rotation, RotationSettings, Succession
from token_broker.domain.token import SHOP, Change, Reason, State, Token, Transition
from token_broker.ports.documents import Revisioned

__all__ = ["BROKER_ID", "OVERLAP", "MemoryStore"]


class MemoryStore:
    """Implement `Store` in memory.

    `before` and `after` hold actions for the next call of an operation, such as `leases.commit`. An action that raises
    is a storage failure before or after the operation did its part.
    """

    def __init__(self, clock: Clock, provider: str = "fake", mints_per_minute: int | None = None) -> None:
        self._clock = clock
        self.mints_per_minute = mints_per_minute
        self.provider = provider
        self.leases = MemoryLeases(self)
        self.mint_quotas = MemoryMintQuotas(self)
        self.tokens = MemoryTokens(self)
        self.corrections = MemoryCorrections(self)
        self.rotations = MemoryRotations(self)
        self.rotation_settings = MemoryRotationSettings(self)
        self.reconciliations = MemoryReconciliations(self)
        self.sessions = MemorySessions(self)
        self.schedule = MemorySchedule(self)
        self.pairs = MemoryPairs(self)
        self.subjects: dict[tuple[str, str], Mint] = {}
        self.standing: dict[tuple[str, str], Mint] = {}
        self.records: dict[tuple[str, str, str], Token] = {}
        #: Of each token that is to be revoked, now or after its overlap: since when, due at, tries, and why.
        self.pending: dict[tuple[str, str], tuple[int, int, int, Reason]] = {}
        self.rotation_items: dict[str, Rotation] = {}
        self.schedules: dict[str, Revisioned[RotationSettings]] = {}
        self.reconciliation_items: dict[str, Reconciliation] = {}
        #: How many mints were counted for each merchant and minute, and until when mints are known to be refused.
        self.mint_counts: Counter[tuple[str, int]] = Counter()
        self.refused_until: dict[str, int] = {}
        #: The emitted events.
        self.told: list[Event] = []
        self.calls: list[str] = []
        self.before: defaultdict[str, list[Callable[[], object]]] = defaultdict(list)
        self.after: defaultdict[str, list[Callable[[], object]]] = defaultdict(list)

    def refuse(self, operation: str, failure: Exception, *, after: bool = False) -> None:
        """Have the next call of an operation fail, before or after it did its part."""

        def fail() -> None:
            raise failure

        (self.after if after else self.before)[operation].append(fail)

    def close_at_once(self, merchant: str, session_id: str) -> None:
        """Close a session by its id."""
        self.sessions.close(merchant, f"session:{session_id}", None)

    def keep(self, token: Token, *, checked_at: float = 0.0) -> Token:
        """Have a token's record stand; a current one is served."""
        self.records[token.merchant, token.subject, token.token_id] = token
        if token.state is State.CURRENT:
            work = self.subjects.setdefault((token.merchant, token.subject), Mint(fence=1))
            work.checked_at = checked_at
            if token.subject == SHOP:
                work.current = token
        return token

    def set_overlap(self, merchant: str, seconds: int) -> None:
        """Have the merchant's rotation settings say how long a replaced token works on."""
        settings = RotationSettings(overlap=seconds)
        self.schedules[merchant] = Revisioned(settings, revision=1)

    def lose_leases(self) -> None:
        """Have somebody else take over everything that is being minted, as after the end of a lease."""
        for work in (*self.subjects.values(), *self.standing.values()):
            if work.owner is not None:
                work.owner, work.fence, work.lease_end = "somebody-else", work.fence + 1, self.now() + LEASE

    @property
    def open_intents(self) -> list[str]:
        """The intents that nobody has ended."""
        works = (*self.subjects.values(), *self.standing.values())
        return [work.intent_id for work in works if work.intent_id is not None]

    @property
    def held_leases(self) -> int:
        """How many mints somebody holds."""
        return sum(work.owner is not None for work in (*self.subjects.values(), *self.standing.values()))

    def due_items(self, merchant: str) -> list[str]:
        """Return the keys of the pending work that is due, as the due index would list them."""
        return [item for item, due_at in self.due_times(merchant).items() if due_at <= self.now()]

    def due_times(self, merchant: str) -> dict[str, int]:
        """Return the due time of each piece of pending work, by its key."""
        tokens = {key: due_at for key, (_, due_at, _, _) in self.pending.items() if self.is_to_end(*key)}
        rotation = self.rotation_items.get(merchant)
        times = {
            **{f"token#{token_id}": due_at for (whose, token_id), due_at in tokens.items() if whose == merchant},
            "rotation#shop": rotation.due_at if rotation is not None and rotation.open else None,
            "settings#rotation": self.schedules.get(merchant, Revisioned()).due_at,
            "reconciliation#shop": self.reconciliation_items.get(merchant, Reconciliation(merchant)).due_at,
            "pair#shop": self.pairs.items.get(merchant, PairRecord(merchant)).due_at,
        }
        works = {"subject#shop": self.subjects.get((merchant, SHOP), Mint())}
        works |= {f"intent#{name}": work for (whose, name), work in self.standing.items() if whose == merchant}
        times |= {key: work.due_at for key, work in works.items() if work.intent_id is not None and work.findable}
        return {item: due_at for item, due_at in times.items() if due_at is not None}

    def contents(self) -> object:
        """Return all that is stored."""
        histories = {key: token.history for key, token in self.records.items()}
        works = self.subjects, self.standing, self.rotation_items, self.schedules, self.reconciliation_items
        return works, self.records, histories, self.pending, self.pairs.items, self.pairs.owners, self.told

    # The rules

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        if self.before[name]:
            self.before[name].pop(0)()
        yield
        if self.after[name]:
            self.after[name].pop(0)()

    def time(self) -> float:
        return self._clock.now()

    def now(self) -> int:
        return int(self.time())

    def is_free(self, work: Mint) -> bool:
        return work.owner is None or work.lease_end <= self.now()

    def take(self, work: Mint, lease_request: LeaseRequest) -> None:
        work.fence += 1
        work.owner = lease_request.owner
        work.lease_end = work.due_at = work.asked_until = self.now() + LEASE
        work.requested_by = work.requested_by if work.intent_id else lease_request.requested_by
        work.intent_id = work.intent_id or lease_request.intent_id
        work.title, work.body_hash = lease_request.title, lease_request.body_hash
        work.account_id = work.account_id or lease_request.account_id
        work.findable = lease_request.findable

    def is_to_end(self, merchant: str, token_id: str) -> bool:
        """Return whether the token is still to be revoked, now or after its overlap."""
        token = self.record(merchant, token_id)
        return token is not None and token.state in TO_END

    def due_work(self, standing: bool, merchant: str, name: str) -> Mint | None:
        """Return the mint of a standing token, or of a subject."""
        return self.standing.get((merchant, name)) if standing else self.subjects.get((merchant, name))

    def work(self, lease: MintLease) -> Mint | None:
        return self.due_work(lease.standing_id is not None, lease.merchant, lease.standing_id or lease.subject)

    def record(self, merchant: str, token_id: str) -> Token | None:
        return self.records.get((merchant, SHOP, token_id))

    def may_stand(self, token: Token) -> bool:
        """Return whether the token's id may be recorded again: for the same token, or after an ended one."""
        there = self.records.get((token.merchant, token.subject, token.token_id))
        if there is None or (there.expires_at is not None and there.expires_at <= self.now()):
            return True
        if there.digest == token.digest:
            return there.state not in {State.REVOKING, State.REVOKED}
        return there.state is State.REVOKED

    def unserve(self, token: Token) -> None:
        """Have the token no longer be the current one."""
        work = self.subjects.get((token.merchant, token.subject))
        if work is not None and work.current is not None and work.current.token_id == token.token_id:
            work.current = None

    def tell_issued(self, token: Token, reason: Reason) -> None:
        self.told.append(token_issued(token, reason=reason.value, at=self.now()))

    def tell_revoked(self, token: Token, reason: Reason) -> None:
        self.told.append(token_revoked(token, reason=reason.value, at=self.now()))

    def mark(self, token: Token, change: Change, ask_from: int | None) -> None:
        there = self.records.get((token.merchant, token.subject, token.token_id))
        if there is not None and there.state in {State.REVOKED, State.REVOKING}:
            return
        key, now = (token.merchant, token.token_id), self.now()
        tries = self.pending[key][2] if key in self.pending else 0
        self.end(token, State.REVOKING, change)
        self.pending[key] = (now, now if ask_from is None else ask_from, tries, change.reason)

    def end(self, token: Token, state: State, change: Change) -> None:
        """Take its value from the record."""
        self.move(token, state, change, access_token=None, expires_at=None)

    def move(self, token: Token, state: State, change: Change, **changes: Any) -> None:
        """Change the state of the record, which is made if there is none."""
        key = (token.merchant, token.subject, token.token_id)
        there = self.records.get(key)
        before, history = (None, ()) if there is None else (there.state, there.history)
        line = Transition(self.now(), change.actor, before, state, change.reason.value)
        self.records[key] = replace(there or token, state=state, history=(*history, line), **changes)

    def replaceable(self, succession: Succession) -> bool:
        previous = succession.previous
        there = self.records.get((previous.merchant, previous.subject, previous.token_id))
        return there is not None and there.state is previous.state is not State.REVOKED

    def supersede(self, succession: Succession, token: Token) -> None:
        previous, until = succession.previous, succession.until
        if succession.state is State.LOST:
            self.end(previous, State.LOST, Change(token.requested_by, Reason.LOST))
        elif succession.state is State.RETIRING:
            self.move(previous, State.RETIRING, Change(token.requested_by, Reason.ROTATED))
            due_at = self.now() if until is None else until
            self.pending[previous.merchant, previous.token_id] = (due_at, due_at, 0, Reason.ROTATED)
        else:
            self.mark(previous, Change(token.requested_by, Reason.COMPROMISED), until)
        self.told.append(token_rotated(token, succession, at=self.now()))

    def is_unmoved(self, expected: Reconciliation) -> bool:
        there = self.reconciliation_items.get(expected.merchant, Reconciliation(merchant=expected.merchant))
        return there.due_at == expected.due_at

    def tell_failure(self, rotation: Rotation, code: str, *, retrying: bool) -> None:
        self.told.append(rotation_failed(self.provider, rotation, code, retrying=retrying, at=self.now()))
