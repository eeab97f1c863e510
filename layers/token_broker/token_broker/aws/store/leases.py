"""Read the subjects' state, store leases and intents, and commit tokens.

A lease is an owner, an end and a fence in one item. The holder's later writes check the owner and the fence. A
holder whose lease was lost changes nothing.
"""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import StorePart, unchanged
from token_broker.aws.store.table import UNMET, ConditionFailed, TransactionRejected, Write, delete, put, update
from token_broker.domain.delays import DAY
from token_broker.domain.events import token_issued, token_rotated
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.rotation import Succession
from token_broker.domain.token import SHOP, Change, Reason, State, Token
from token_broker.errors import BrokerError, Conflict, MintInProgress, ProviderError, RequestOutcome, SessionClosed

#: Seconds, more than a holder's 25 s and the difference between two clocks.
LEASE = 40
#: Seconds for a provider to finish a request that timed out. The next caller waits for this time.
IN_FLIGHT_GRACE = 4
#: How long the result for an Idempotency-Key is kept after its token was created.
KEY_RETENTION = DAY

# The fence also rises at the end of a mint, so that nobody acts on an earlier read.
_END_INTENT = (
    "REMOVE #owner, leaseEnd, intentId, intentAt, intentBy, intentTitle, intentRealm, intentEnd, due, dueAt, tries "
    "ADD fence :one"
)
_OWNED = "#owner = :owner AND fence = :fence"
# Only a session is ever closed.
_OWNED_AND_NOT_CLOSED = f"{_OWNED} AND attribute_not_exists(closedAt)"
_FREE = "(attribute_not_exists(#owner) OR leaseEnd <= :now)"


class DynamoLeases(StorePart):
    """Acquire, commit, confirm and release leases."""

    def state(self, merchant: str, subject: str) -> SubjectState:
        """Read one item for a shop, or a partition of two or three items for a session."""
        key = records.subject_key(self._items.provider, merchant, subject)
        if subject == SHOP:
            item = self._table.get(key) or {}
            current = item.get("current")
            return _state(item, None if current is None else records.token_of(current))
        items = {item["sk"]: item for item in self._table.query(key[0])}
        item = items.pop(key[1], {})
        tokens = map(records.token_of, (item for sk, item in items.items() if sk.startswith(records.TOKEN)))
        return _state(item, max(tokens, key=lambda token: token.expires_at or 0, default=None))

    def open_intent_ids(self, merchant: str) -> frozenset[str]:
        """Query the intents of standing tokens, and read the subject's own."""
        items = list(self._table.query(*self._items.shop_key(merchant, records.INTENT)))
        items.append(self._table.get(records.subject_key(self._items.provider, merchant, SHOP)) or {})
        return frozenset(item["intentId"] for item in items if "intentId" in item)

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        """Write lease and intent in one conditional update. An open intent is continued unchanged."""
        key = records.subject_key(self._items.provider, lease_request.merchant, lease_request.subject)
        condition, values = unchanged(expected)
        condition = f"{condition} AND {_FREE} AND attribute_not_exists(closedAt)"
        item = self._acquire(lease_request, key, condition, values)
        if not _holds(item, lease_request):
            return LeaseHeld()
        return _lease(lease_request, None, item)

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        """Write lease and intent to a new item. With an Idempotency-Key, the item may already exist."""
        item_id = lease_request.key_id or lease_request.intent_id
        key = self._items.lease_key(lease_request.merchant, SHOP, item_id)
        retry = f"attribute_not_exists(tokenId) AND bodyHash = :body AND {_FREE}"
        condition = f"attribute_not_exists(pk) OR expiresAt < :now OR ({retry})"
        item = self._acquire(lease_request, key, condition, {})
        if _holds(item, lease_request):
            return _lease(lease_request, item_id, item)
        if item.get("bodyHash") != lease_request.body_hash:
            raise Conflict("This Idempotency-Key was used with another body before. Use a new key for a new token.")
        if "tokenId" not in item:
            return LeaseHeld()
        token = self._items.token(lease_request.merchant, item["tokenId"])
        if token is None:
            raise Conflict(
                "The token of this Idempotency-Key has no record any more. Use a new key to create another token."
            )
        return IdempotentReplay(token)

    def _acquire(self, lease_request: LeaseRequest, key: Key, condition: str, values: dict[str, Any]) -> dict[str, Any]:
        """Try to acquire the lease, and return the item, also if another caller holds the lease."""
        now = self._items.now()
        expression = (
            "SET #owner = :owner, leaseEnd = :end, intentId = if_not_exists(intentId, :intent), "
            "intentAt = if_not_exists(intentAt, :now), intentBy = if_not_exists(intentBy, :by)"
        )
        if lease_request.title is not None:
            expression += ", intentTitle = :title"
        if lease_request.body_hash is not None:
            expression += ", bodyHash = :body"
        if lease_request.findable:
            expression += (
                ", due = :due, dueAt = :end, intentEnd = :end, intentRealm = if_not_exists(intentRealm, :realm)"
            )
        values |= {":owner": lease_request.owner, ":end": now + LEASE, ":intent": lease_request.intent_id, ":one": 1}
        values |= {":now": now, ":by": lease_request.requested_by, ":due": records.due_shard(key[0])}
        values |= {":title": lease_request.title, ":body": lease_request.body_hash, ":realm": lease_request.account_id}
        try:
            return self._table.write(
                update(key, f"{expression} REMOVE expiresAt, tokenId ADD fence :one", condition, values)
            )
        except ConditionFailed as failure:
            return failure.found or {}

    def acquire_expired(self, merchant: str, standing_id: str | None, owner: str) -> OpenIntent | None:
        """Acquire the lease and raise the fence, if an intent is open and its due time has come."""
        key, now = self._items.lease_key(merchant, SHOP, standing_id), self._items.now()
        write = update(
            key,
            # An older intent has no `intentEnd`. It was due when its holder's lease ended.
            "SET #owner = :owner, leaseEnd = :end, intentEnd = if_not_exists(intentEnd, dueAt), dueAt = :end "
            "ADD fence :one",
            f"attribute_exists(intentId) AND dueAt <= :now AND {_FREE}",
            {":owner": owner, ":end": now + LEASE, ":now": now, ":one": 1},
        )
        try:
            found = self._table.write(write)
        except ConditionFailed as failure:
            found = failure.found or {}
            if found.get("owner") != owner:
                return None
            # The write took effect, but its response was lost.
        lease = _lease(LeaseRequest(merchant, SHOP, intent_id="", owner=owner), standing_id, found)
        return OpenIntent(lease, found.get("intentBy", ""), found["intentEnd"], found.get("tries", 0))

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        """Write the token, its intent's end, the current pointer, the replaced token and the events atomically."""
        now, earlier = self._items.now(), None
        if replaced is not None and replaced.state is State.LOST:
            # A provider may return an earlier token again. It is the same token and keeps its history.
            earlier = self._items.token(token.merchant, token.token_id)
        writes = [
            self._token_put(token, reason, earlier),
            self._intent_end(lease, token),
            self._items.emit(token_issued(token, reason=reason.value, at=now)),
        ]
        if replaced is not None:
            writes += [self._replaced(replaced, token), self._items.emit(token_rotated(token, replaced, at=now))]
        try:
            self._table.transact(*writes, token=lease.owner)
        except TransactionRejected as rejection:
            raise self._commit_error(lease, rejection.reasons) from None

    def _commit_error(self, lease: MintLease, reasons: tuple[str, ...]) -> BrokerError:
        if reasons[0] == UNMET:
            detail = "The provider returned an id that belongs to another token of this merchant."
            return ProviderError(detail, request_outcome=RequestOutcome.UNKNOWN)
        if self.state(lease.merchant, lease.subject).closed:
            return SessionClosed()
        # The lease was lost, or the replaced token has changed. The next caller reads the new state.
        return MintInProgress()

    def _replaced(self, succession: Succession, token: Token) -> Write:
        """Return the update of the replaced token, conditional on the state in which it was read.

        A token that is revoking since then keeps its own reason and time.
        """
        previous, until = succession.previous, succession.until
        if succession.state is State.LOST:
            return self._items.end(previous, State.LOST, Change(token.requested_by, Reason.LOST))
        if succession.state is State.RETIRING:
            change = Change(token.requested_by, Reason.ROTATED)
            return self._items.retiring(previous, change, self._items.now() if until is None else until)
        return self._items.revoking(previous, Change(token.requested_by, Reason.COMPROMISED), until)

    def _token_put(self, token: Token, reason: Reason, earlier: Token | None) -> Write:
        now = self._items.now()
        same = earlier if earlier is not None and earlier.digest == token.digest else None
        before = None if same is None else same.state
        line = records.transition(now, Change(token.requested_by, reason), before, token.state)
        history = [] if same is None else [each.as_json() for each in same.history]
        # An id may come again only with the same token, or after its token has ended.
        return put(
            self._items.token_key(token),
            {**records.token_attributes(token), "history": [*history, line]},
            "attribute_not_exists(pk) OR expiresAt <= :now OR (#state = :revoked AND fingerprint <> :print) "
            "OR (fingerprint = :print AND NOT #state IN (:revoking, :revoked))",
            {":now": now, ":print": token.digest, ":revoking": State.REVOKING.value, ":revoked": State.REVOKED.value},
        )

    def _intent_end(self, lease: MintLease, token: Token) -> Write:
        key, now = self._items.lease_key(lease.merchant, lease.subject, lease.standing_id), self._items.now()
        values: dict[str, Any] = {":owner": lease.owner, ":fence": lease.fence, ":one": 1, ":now": now}
        if lease.standing_id is not None:
            if not lease.remembered:
                return delete(key, _OWNED, values)
            values |= {":id": token.token_id, ":until": now + KEY_RETENTION}
            return update(key, f"SET tokenId = :id, expiresAt = :until {_END_INTENT}", _OWNED, values)
        if lease.subject == SHOP:
            values[":current"] = records.token_attributes(token)
            return update(key, f"SET #current = :current, checkedAt = :now {_END_INTENT}", _OWNED, values)
        values[":until"] = (token.expires_at or now) + self._items.session_retention
        return update(key, f"SET expiresAt = :until {_END_INTENT}", _OWNED_AND_NOT_CLOSED, values)

    def confirm(self, lease: MintLease) -> None:
        """Store the time of the confirmation and end the intent."""
        self._write_as_holder(lease, f"SET checkedAt = :now {_END_INTENT}")

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        """Release the lease, and end the intent if the provider did not apply the request."""
        if request_outcome is RequestOutcome.NOT_APPLIED and lease.standing_id is not None:
            self._write_as_holder(lease, None)
            return
        if request_outcome is RequestOutcome.IN_FLIGHT:
            end = "" if lease.subject == SHOP else ", expiresAt = :until"
            self._write_as_holder(lease, f"SET leaseEnd = :soon{end}")
            return
        released = _END_INTENT if request_outcome is RequestOutcome.NOT_APPLIED else "REMOVE #owner, leaseEnd"
        # A session's token expires and cannot be looked up, so its open intent expires too.
        self._write_as_holder(lease, released if lease.subject == SHOP else f"SET expiresAt = :until {released}")

    def _write_as_holder(self, lease: MintLease, expression: str | None) -> None:
        """Update or delete the lease's item, unless another caller holds the lease or the session is closed."""
        key, now = self._items.lease_key(lease.merchant, lease.subject, lease.standing_id), self._items.now()
        values = {":owner": lease.owner, ":fence": lease.fence, ":now": now, ":one": 1}
        values |= {":until": now + self._items.session_retention, ":soon": now + IN_FLIGHT_GRACE}
        if expression is None:
            self._table.try_write(delete(key, _OWNED, values))
        else:
            self._table.try_write(update(key, expression, _OWNED_AND_NOT_CLOSED, values))


def _state(item: dict[str, Any], token: Token | None) -> SubjectState:
    return SubjectState(
        token=token,
        checked_at=item.get("checkedAt", 0),
        closed="closedAt" in item,
        fence=item.get("fence", 0),
        lease_expires_at=item["leaseEnd"] if "owner" in item else 0,
        has_open_intent="intentId" in item,
    )


def _holds(item: dict[str, Any], lease_request: LeaseRequest) -> bool:
    # Also true if the response was lost, because the repeated write then finds its own owner.
    return item.get("owner") == lease_request.owner


def _lease(lease_request: LeaseRequest, standing_id: str | None, item: dict[str, Any]) -> MintLease:
    return MintLease(
        lease_request.merchant,
        lease_request.subject,
        standing_id,
        intent_id=item["intentId"],
        owner=lease_request.owner,
        fence=item["fence"],
        continued=item["intentId"] != lease_request.intent_id,
        title=item.get("intentTitle"),
        remembered="bodyHash" in item,
        account_id=item.get("intentRealm", ""),
    )
