"""Closing a session: its state outlives every token of it, and stands in the way of every mint."""

import os

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.table import TransactionRefused, update
from token_broker.domain.events import session_closed
from token_broker.domain.pending import SessionClosure
from token_broker.domain.token import session_of
from token_broker.errors import StorageUnavailable

#: How often others may change the TTL between two of our writes, which are some milliseconds apart.
MAX_ATTEMPTS = 3

# Whoever holds the lease finds the session closed at the end of the mint: there is nothing left to hold.
_NO_LEASE = "REMOVE #owner, leaseEnd"
_OWNER = {"#owner": "owner"}
_OPEN = "attribute_not_exists(closedAt)"
#: The TTL stays where it comes late enough: while the session's token lives, it is the token's end and the retention.
_KEEPING = "expiresAt = if_not_exists(expiresAt, :until)", "(attribute_not_exists(expiresAt) OR expiresAt >= :until)"
_PROLONGING = "expiresAt = :until", "expiresAt < :until"


class Sessions(ProviderItems):
    """The end of checkout sessions."""

    def close_session(self, merchant: str, subject: str, order_id: str | None) -> SessionClosure:
        """One conditional write, or two where the session's TTL would come too early; the world hears of it, once."""
        key = records.subject_key(self._provider, merchant, subject)
        now = self._now()
        values = {":now": now, ":order": order_id, ":until": now + self._session_retention}
        told = self._outbox_put(
            session_closed(self._provider, merchant, session_of(subject), order_id=order_id, closed_at=now)
        )
        closing = "SET closedAt = :now" if order_id is None else "SET closedAt = :now, orderId = :order"
        for until, fitting in (_KEEPING, _PROLONGING) * MAX_ATTEMPTS:
            close = update(key, f"{closing}, {until} {_NO_LEASE}", f"{_OPEN} AND {fitting}", values, _OWNER)
            try:
                self._table.transact([("Update", close), told], token=os.urandom(16).hex())
            except TransactionRefused:
                found = self._table.get(key) or {}
                if "closedAt" in found:
                    return SessionClosure(closed_at=found["closedAt"], order_id=found.get("orderId"), new=False)
            else:
                return SessionClosure(closed_at=now, order_id=order_id, new=True)
        raise StorageUnavailable("The session was too busy, and is not closed yet. Try again.")
