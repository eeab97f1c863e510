"""The right to mint, and its end: leases, intents, and the transaction that stores a token.

A lease is an owner, an end and a fence in one item; the holder's later writes name the owner and the fence, so one
whose lease was taken over changes nothing.
"""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import DAY, Write
from token_broker.aws.store.reading import Reading
from token_broker.aws.store.table import UNMET, ConditionFailed, TransactionRefused, delete, put, update
from token_broker.domain.events import Event, token_issued, token_rotated
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, LeaseRequest, MintLease, SubjectState
from token_broker.domain.rotation import Succession
from token_broker.domain.token import SHOP, Change, Reason, State, Token
from token_broker.errors import BrokerError, Conflict, MintInProgress, ProviderError, RequestOutcome, SessionClosed

#: Seconds; longer than any holder can live (a function ends after 25 s), clocks' differences included.
LEASE = 40
#: Seconds for which a provider that may still be working is left to end it. The next caller waits for as long.
IN_FLIGHT_GRACE = 4
#: How long an Idempotency-Key is remembered after its token was made.
KEY_RETENTION = DAY

# The fence rises at a mint's end as at its begin: who read while it was under way must read again.
_OPEN = (
    "REMOVE #owner, leaseEnd, intentId, intentAt, intentBy, intentTitle, intentRealm, intentEnd, due, dueAt, tries "
    "ADD fence :one"
)
OWNED = "#owner = :owner AND fence = :fence"
# Only a session is ever closed.
_OWNED_AND_OPEN = f"{OWNED} AND attribute_not_exists(closedAt)"
OWNER = {"#owner": "owner"}
FREE = "(attribute_not_exists(#owner) OR leaseEnd <= :now)"


class Leases(Reading):
    """Begin, publish, confirm, give up."""

    def acquire(self, lease_request: LeaseRequest, expected: SubjectState) -> MintLease | LeaseHeld:
        """Lease and intent in one conditional update. An intent that is still open is taken over as it is."""
        key = records.subject_key(self._provider, lease_request.merchant, lease_request.subject)
        unchanged = "fence = :seen" if expected.fence else "attribute_not_exists(fence)"
        condition = f"{unchanged} AND {FREE} AND attribute_not_exists(closedAt)"
        item = self._begin(lease_request, key, condition, {":seen": expected.fence})
        if not _holds(item, lease_request):
            return LeaseHeld()
        return _mint(lease_request, key, item)

    def acquire_standing(self, lease_request: LeaseRequest) -> MintLease | LeaseHeld | IdempotentReplay:
        """The same on an item of its own; with an Idempotency-Key it may have happened before."""
        item_id = lease_request.key_id or lease_request.intent_id
        key = records.intent_key(self._provider, lease_request.merchant, item_id)
        again = f"attribute_not_exists(tokenId) AND bodyHash = :body AND {FREE}"
        condition = f"attribute_not_exists(pk) OR expiresAt < :now OR ({again})"
        item = self._begin(lease_request, key, condition, {})
        if _holds(item, lease_request):
            return _mint(lease_request, key, item)
        if item.get("bodyHash") != lease_request.body_hash:
            raise Conflict("This Idempotency-Key came with another body before. Use a new key for a new token.")
        if "tokenId" not in item:
            return LeaseHeld()
        made = self.get_token(lease_request.merchant, item["tokenId"])
        if made is None:
            raise Conflict("The token that this Idempotency-Key made is gone. Use a new key to create another token.")
        return IdempotentReplay(made)

    def _begin(self, lease_request: LeaseRequest, key: Key, condition: str, values: dict[str, Any]) -> dict[str, Any]:
        """The item as it is after the try, whoever holds it now."""
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
        """Token, end of the intent, current pointer, what is replaced, and what the world hears, in one transaction."""
        now = self._now()
        # A provider that gives another token may come back to an earlier one: the same token, and one history.
        earlier = self.get_token(token.merchant, token.token_id) if replaced and replaced.state is State.LOST else None
        writes = [
            ("Put", self._token_put(token, reason, earlier)),
            self._end_of_intent(lease, token),
            self._outbox_put(token_issued(token, reason=reason.value, at=now)),
        ]
        if replaced is not None:
            writes += [self._replaced(replaced, token), self._outbox_put(_rotated(token, replaced, now))]
        try:
            self._table.transact(writes, token=lease.owner)
        except TransactionRefused as refused:
            raise self._reason(lease, refused.reasons) from None

    def _reason(self, lease: MintLease, reasons: tuple[str, ...]) -> BrokerError:
        if reasons[0] == UNMET:
            detail = "The provider gave an id that belongs to another token of this merchant."
            return ProviderError(detail, request_outcome=RequestOutcome.UNKNOWN)
        if self.subject_state(lease.merchant, lease.subject).closed:
            return SessionClosed()
        # The lease was lost, or what is replaced has been marked meanwhile: whoever comes next sees how it stands.
        return MintInProgress()

    def _replaced(self, succession: Succession, token: Token) -> Write:
        """From the state that it was read in: one that is being revoked since then keeps its own cause and time."""
        previous, until = succession.previous, succession.until
        if succession.state is State.LOST:
            return "Update", self._ending(previous, State.LOST, Change(token.requested_by, Reason.LOST))
        if succession.state is State.RETIRING:
            change = Change(token.requested_by, Reason.ROTATED)
            return "Update", self._retiring(previous, change, self._now() if until is None else until)
        return "Update", self._marking(previous, Change(token.requested_by, Reason.COMPROMISED), until)

    def _token_put(self, token: Token, reason: Reason, earlier: Token | None) -> dict[str, Any]:
        same = earlier if earlier is not None and earlier.digest == token.digest else None
        before = None if same is None else same.state
        line = records.transition(self._now(), Change(token.requested_by, reason), before, token.state)
        history = [] if same is None else [each.as_json() for each in same.history]
        # An id comes again only with the very same token, or for one that has ended.
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

    def _end_of_intent(self, lease: MintLease, token: Token) -> Write:
        key = self._mint_key(lease)
        values: dict[str, Any] = {":owner": lease.owner, ":fence": lease.fence, ":one": 1}
        now = self._now()
        if lease.standing:
            if not lease.remembered:
                return "Delete", delete(key, OWNED, values, OWNER)
            values |= {":id": token.token_id, ":until": now + KEY_RETENTION}
            return "Update", update(key, f"SET tokenId = :id, expiresAt = :until {_OPEN}", OWNED, values, OWNER)
        if lease.subject == SHOP:
            values |= {":current": records.token_attributes(token), ":now": now}
            names = {**OWNER, "#current": "current"}
            return "Update", update(key, f"SET #current = :current, checkedAt = :now {_OPEN}", OWNED, values, names)
        values[":until"] = (token.expires_at or now) + self._session_retention
        return "Update", update(key, f"SET expiresAt = :until {_OPEN}", _OWNED_AND_OPEN, values, OWNER)

    def confirm(self, lease: MintLease) -> None:
        """The current token was given again."""
        self._release(lease, f"SET checkedAt = :now {_OPEN}")

    def release(self, lease: MintLease, request_outcome: RequestOutcome) -> None:
        """Free the lease; end the intent too where nothing can have happened."""
        if request_outcome is RequestOutcome.NOT_APPLIED and lease.standing:
            self._release(lease, None)
            return
        if request_outcome is RequestOutcome.IN_FLIGHT:
            end = "" if lease.subject == SHOP else ", expiresAt = :until"
            self._release(lease, f"SET leaseEnd = :soon{end}")
            return
        ending = _OPEN if request_outcome is RequestOutcome.NOT_APPLIED else "REMOVE #owner, leaseEnd"
        # A session's token ends by itself and cannot be looked up: its open intent need not be kept for ever.
        self._release(lease, ending if lease.subject == SHOP else f"SET expiresAt = :until {ending}")

    def _release(self, lease: MintLease, expression: str | None) -> None:
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
                self._table.delete(delete(self._mint_key(lease), OWNED, values, OWNER))
            else:
                self._table.update(update(self._mint_key(lease), expression, _OWNED_AND_OPEN, values, OWNER))
        except ConditionFailed:
            pass  # the lease was taken over, or the session closed: it is not ours to change any more

    def _mint_key(self, lease: MintLease) -> Key:
        return records.partition(self._provider, lease.merchant, lease.subject), lease.key


def _holds(item: dict[str, Any], lease_request: LeaseRequest) -> bool:
    # Also true where the write had happened and its answer was lost: the repeated write then finds its own owner.
    return item.get("owner") == lease_request.owner


def _mint(lease_request: LeaseRequest, key: Key, item: dict[str, Any]) -> MintLease:
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


def _rotated(token: Token, succession: Succession, now: int) -> Event:
    retiring = succession.state is State.RETIRING
    return token_rotated(
        token,
        previous_token_id=succession.previous.token_id,
        rotation_id=succession.rotation_id,
        overlap_ends_at=succession.until if retiring else None,
        compromised=succession.state is State.REVOKING,
        at=now,
    )
