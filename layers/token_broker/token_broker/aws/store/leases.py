"""Store leases and intents, and commit tokens.

A lease is an owner, an end and a fence in one item. The holder's later writes check the owner and the fence. A
holder whose lease was lost changes nothing.
"""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import DAY, Write
from token_broker.aws.store.reading import Reading
from token_broker.aws.store.table import UNMET, ConditionFailed, TransactionRejected, delete, put, update
from token_broker.domain.events import Event, token_issued, token_rotated
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, SubjectState
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
OWNED = "#owner = :owner AND fence = :fence"
# Only a session is ever closed.
_OWNED_AND_NOT_CLOSED = f"{OWNED} AND attribute_not_exists(closedAt)"
OWNER = {"#owner": "owner"}
FREE = "(attribute_not_exists(#owner) OR leaseEnd <= :now)"


class Leases(Reading):
    """Acquire, commit, confirm and release leases."""

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        """Write lease and intent in one conditional update. An open intent is continued unchanged."""
        key = records.subject_key(self._provider, lease_request.merchant, lease_request.subject)
        unchanged = "fence = :seen" if expected.fence else "attribute_not_exists(fence)"
        condition = f"{unchanged} AND {FREE} AND attribute_not_exists(closedAt)"
        item = self._acquire(lease_request, key, condition, {":seen": expected.fence})
        if not _holds(item, lease_request):
            return LeaseHeld()
        return _lease(lease_request, key, item)

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        """Write lease and intent to a new item. With an Idempotency-Key, the item may already exist."""
        item_id = lease_request.key_id or lease_request.intent_id
        key = records.intent_key(self._provider, lease_request.merchant, item_id)
        retry = f"attribute_not_exists(tokenId) AND bodyHash = :body AND {FREE}"
        condition = f"attribute_not_exists(pk) OR expiresAt < :now OR ({retry})"
        item = self._acquire(lease_request, key, condition, {})
        if _holds(item, lease_request):
            return _lease(lease_request, key, item)
        if item.get("bodyHash") != lease_request.body_hash:
            raise Conflict("This Idempotency-Key was used with another body before. Use a new key for a new token.")
        if "tokenId" not in item:
            return LeaseHeld()
        token = self.get_token(lease_request.merchant, item["tokenId"])
        if token is None:
            raise Conflict(
                "The token of this Idempotency-Key has no record any more. Use a new key to create another token."
            )
        return IdempotentReplay(token)

    def _acquire(self, lease_request: LeaseRequest, key: Key, condition: str, values: dict[str, Any]) -> dict[str, Any]:
        """Try to acquire the lease, and return the item, also if another caller holds the lease."""
        now = self._now()
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
        arguments = update(
            key,
            f"{expression} REMOVE expiresAt, tokenId ADD fence :one",
            condition,
            {
                **values,
                ":owner": lease_request.owner,
                ":end": now + LEASE,
                ":intent": lease_request.intent_id,
                ":now": now,
                ":by": lease_request.requested_by,
                ":title": lease_request.title,
                ":realm": lease_request.account_id,
                ":body": lease_request.body_hash,
                ":due": records.due_shard(key[0]),
                ":one": 1,
            },
            OWNER,
        )
        try:
            return self._table.update(arguments)
        except ConditionFailed as failure:
            return failure.found or {}

    def commit(
        self, lease: MintLease, token: Token, *, replaced: Succession | None = None, reason: Reason = Reason.MINTED
    ) -> None:
        """Write the token, its intent's end, the current pointer, the replaced token and the events atomically."""
        now = self._now()
        # A provider may return an earlier token again. It is the same token and keeps its history.
        earlier = self.get_token(token.merchant, token.token_id) if replaced and replaced.state is State.LOST else None
        writes = [
            ("Put", self._token_put(token, reason, earlier)),
            self._intent_end(lease, token),
            self._outbox_put(token_issued(token, reason=reason.value, at=now)),
        ]
        if replaced is not None:
            writes += [self._replaced_update(replaced, token), self._outbox_put(_rotated_event(token, replaced, now))]
        try:
            self._table.transact(writes, token=lease.owner)
        except TransactionRejected as rejection:
            raise self._commit_error(lease, rejection.reasons) from None

    def _commit_error(self, lease: MintLease, reasons: tuple[str, ...]) -> BrokerError:
        if reasons[0] == UNMET:
            detail = "The provider returned an id that belongs to another token of this merchant."
            return ProviderError(detail, request_outcome=RequestOutcome.UNKNOWN)
        if self.subject_state(lease.merchant, lease.subject).closed:
            return SessionClosed()
        # The lease was lost, or the replaced token has changed. The next caller reads the new state.
        return MintInProgress()

    def _replaced_update(self, succession: Succession, token: Token) -> Write:
        """Return the update of the replaced token, conditional on the state in which it was read.

        A token that is revoking since then keeps its own reason and time.
        """
        previous, until = succession.previous, succession.until
        if succession.state is State.LOST:
            return "Update", self._end_update(previous, State.LOST, Change(token.requested_by, Reason.LOST))
        if succession.state is State.RETIRING:
            change = Change(token.requested_by, Reason.ROTATED)
            return "Update", self._retiring_update(previous, change, self._now() if until is None else until)
        return "Update", self._revoking_update(previous, Change(token.requested_by, Reason.COMPROMISED), until)

    def _token_put(self, token: Token, reason: Reason, earlier: Token | None) -> dict[str, Any]:
        same = earlier if earlier is not None and earlier.digest == token.digest else None
        before = None if same is None else same.state
        line = records.transition(self._now(), Change(token.requested_by, reason), before, token.state)
        history = [] if same is None else [each.as_json() for each in same.history]
        # An id may come again only with the same token, or after its token has ended.
        return put(
            self._token_key(token.merchant, token.subject, token.token_id),
            {**records.token_attributes(token), "history": [*history, line]},
            "attribute_not_exists(pk) OR expiresAt <= :now OR (#state = :revoked AND fingerprint <> :print) "
            "OR (fingerprint = :print AND NOT #state IN (:revoking, :revoked))",
            {
                ":now": self._now(),
                ":print": token.digest,
                ":revoking": State.REVOKING.value,
                ":revoked": State.REVOKED.value,
            },
            {"#state": "state"},
        )

    def _intent_end(self, lease: MintLease, token: Token) -> Write:
        key = self._lease_key(lease)
        values: dict[str, Any] = {":owner": lease.owner, ":fence": lease.fence, ":one": 1}
        now = self._now()
        if lease.standing:
            if not lease.remembered:
                return "Delete", delete(key, OWNED, values, OWNER)
            values |= {":id": token.token_id, ":until": now + KEY_RETENTION}
            return "Update", update(key, f"SET tokenId = :id, expiresAt = :until {_END_INTENT}", OWNED, values, OWNER)
        if lease.subject == SHOP:
            values |= {":current": records.token_attributes(token), ":now": now}
            names = {**OWNER, "#current": "current"}
            return "Update", update(
                key, f"SET #current = :current, checkedAt = :now {_END_INTENT}", OWNED, values, names
            )
        values[":until"] = (token.expires_at or now) + self._session_retention
        return "Update", update(key, f"SET expiresAt = :until {_END_INTENT}", _OWNED_AND_NOT_CLOSED, values, OWNER)

    def confirm(self, lease: MintLease) -> None:
        """Store the time of the confirmation and end the intent."""
        self._write_as_holder(lease, f"SET checkedAt = :now {_END_INTENT}")

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        """Release the lease, and end the intent if the provider did not apply the request."""
        if request_outcome is RequestOutcome.NOT_APPLIED and lease.standing:
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
        now = self._now()
        values = {
            ":owner": lease.owner,
            ":fence": lease.fence,
            ":now": now,
            ":until": now + self._session_retention,
            ":soon": now + IN_FLIGHT_GRACE,
            ":one": 1,
        }
        try:
            if expression is None:
                self._table.delete(delete(self._lease_key(lease), OWNED, values, OWNER))
            else:
                self._table.update(update(self._lease_key(lease), expression, _OWNED_AND_NOT_CLOSED, values, OWNER))
        except ConditionFailed:
            pass  # another caller holds the lease, or the session is closed

    def _lease_key(self, lease: MintLease) -> Key:
        return records.partition(self._provider, lease.merchant, lease.subject), lease.key


def _holds(item: dict[str, Any], lease_request: LeaseRequest) -> bool:
    # Also true if the response was lost, because the repeated write then finds its own owner.
    return item.get("owner") == lease_request.owner


def _lease(lease_request: LeaseRequest, key: Key, item: dict[str, Any]) -> MintLease:
    return MintLease(
        merchant=lease_request.merchant,
        subject=lease_request.subject,
        key=key[1],
        intent_id=item["intentId"],
        owner=lease_request.owner,
        fence=item["fence"],
        continued=item["intentId"] != lease_request.intent_id,
        title=lease_request.title,
        remembered=lease_request.body_hash is not None,
        account_id=item.get("intentRealm", ""),
    )


def _rotated_event(token: Token, succession: Succession, now: int) -> Event:
    retiring = succession.state is State.RETIRING
    return token_rotated(
        token,
        previous_token_id=succession.previous.token_id,
        rotation_id=succession.rotation_id,
        overlap_ends_at=succession.until if retiring else None,
        compromised=succession.state is State.REVOKING,
        at=now,
    )
