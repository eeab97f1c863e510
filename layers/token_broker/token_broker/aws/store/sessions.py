"""Close sessions. The state of a closed session outlives all its tokens and prevents every mint."""

from token_broker.aws.store import records
from token_broker.aws.store.items import StorePart
from token_broker.aws.store.table import update
from token_broker.domain.events import session_closed
from token_broker.domain.pending import SessionClosure
from token_broker.domain.token import session_of
from token_broker.errors import StorageUnavailable

#: Other calls may change the TTL between two attempts.
MAX_ATTEMPTS = 3

# The holder of the lease finds the session closed at the end of its mint.
_END_LEASE = "REMOVE #owner, leaseEnd"
#: A TTL that is late enough stays. While the session's token is valid, the TTL is its expiry plus the retention.
_KEEP_TTL = "expiresAt = if_not_exists(expiresAt, :until)", "(attribute_not_exists(expiresAt) OR expiresAt >= :until)"
_EXTEND_TTL = "expiresAt = :until", "expiresAt < :until"


class DynamoSessions(StorePart):
    """Close checkout sessions."""

    def close(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        """Close the session and store its event in one transaction. A second one follows if the TTL is too early."""
        key = records.subject_key(self._items.provider, merchant, subject)
        now = self._items.now()
        values = {":now": now, ":order": order_id, ":until": now + self._items.session_retention}
        event = self._items.emit(
            session_closed(self._items.provider, merchant, session_of(subject), order_id=order_id, closed_at=now)
        )
        closed = "SET closedAt = :now" if order_id is None else "SET closedAt = :now, orderId = :order"
        for _ in range(MAX_ATTEMPTS):
            for ttl, ttl_condition in (_KEEP_TTL, _EXTEND_TTL):
                condition = f"attribute_not_exists(closedAt) AND {ttl_condition}"
                close = update(key, f"{closed}, {ttl} {_END_LEASE}", condition, values)
                if self._table.try_transact(close, event):
                    return SessionClosure(closed_at=now, order_id=order_id, new=True)
                found = self._table.get(key) or {}
                if "closedAt" in found:
                    return SessionClosure(closed_at=found["closedAt"], order_id=found.get("orderId"), new=False)
        raise StorageUnavailable("The session changed too often and is not closed yet. Try again.")
