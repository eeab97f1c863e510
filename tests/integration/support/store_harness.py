"""What the store's tests work with: stores on one table and one clock, and a look at the bare items."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.samples import token
from token_broker.aws.store.attributes import unwrap_all
from token_broker.aws.store.outbox_items import PREFIX, event_of
from token_broker.aws.store.table import Table
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.leases import LeaseRequest, MintLease
from token_broker.domain.token import SHOP, State, Token, session_subject

MERCHANT = "acme"
SESSION = session_subject("s-1")
SESSION_PARTITION = "chicksx#acme#session:s-1"
DAY = 24 * 60 * 60
INTENT = "a" * 26
OTHER_INTENT = "b" * 26

__all__ = ["DAY", "INTENT", "MERCHANT", "NOW", "OTHER_INTENT", "SESSION", "SESSION_PARTITION", "SHOP", "StoreBench"]


@dataclass
class StoreBench:
    dynamodb: Any
    table_name: str
    clock: MovableClock = field(default_factory=MovableClock)

    def store(self, provider: str = "shopify") -> DynamoStore:
        """Return a separate store, as each process has one."""
        return DynamoStore(Table(lambda: self.dynamodb, self.table_name), provider=provider, clock=self.clock)

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item as plain values."""
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        found = self.dynamodb.get_item(TableName=self.table_name, Key=key, ConsistentRead=True).get("Item")
        return None if found is None else unwrap_all(found)

    def items(self) -> list[dict[str, Any]]:
        """Return the whole table except the outbox, in the order of its keys."""
        return [item for item in self._scan() if not item["pk"].startswith(PREFIX)]

    def outbox(self) -> list[dict[str, Any]]:
        """Return the outbox items."""
        return [item for item in self._scan() if item["pk"].startswith(PREFIX)]

    def told(self) -> list[dict[str, Any]]:
        """Return the events in the outbox, the oldest first."""
        told = [(event_of(item), item["type"]) for item in self.outbox()]
        known = [{**event.as_json(), "type": kind} for event, kind in told if event is not None]
        assert len(known) == len(told)
        return sorted(known, key=lambda event: int(event["occurredAt"] or 0))

    def _scan(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table_name, ConsistentRead=True)
        found = [unwrap_all(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda item: (item["pk"], item["sk"]))

    def due(self, *, events: bool = False) -> list[tuple[str, str]]:
        """Return the keys in the due index, either of events or of all other items."""
        page = self.dynamodb.scan(TableName=self.table_name, IndexName="due")
        keys = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        return [key for key in keys if key[0].startswith(PREFIX) is events]

    def close_session(self) -> None:
        """Close the session as its order does."""
        self.store("chicksx").sessions.close(MERCHANT, SESSION, None)

    def begin(self, store: DynamoStore, owner: str = "owner-1", **changes: Any) -> MintLease:
        """Begin the mint of the subject's current token; it must be granted."""
        wanted = lease_request(owner, **changes)
        mint = store.leases.acquire(wanted, store.leases.state(wanted.merchant, wanted.subject))
        assert isinstance(mint, MintLease)
        return mint

    def acquire_standing(self, store: DynamoStore, owner: str = "owner-1", **changes: Any) -> MintLease:
        """Acquire a mint lease for a standing token."""
        mint = store.leases.acquire_standing(lease_request(owner, **changes))
        assert isinstance(mint, MintLease)
        return mint

    def issue(self, store: DynamoStore, issued: Token, intent_id: str = INTENT) -> Token:
        """Mint and publish the token, current or standing."""
        begin = self.begin if issued.state is State.CURRENT else self.acquire_standing
        mint = begin(store, f"owner-of-{issued.token_id}", subject=issued.subject, intent_id=intent_id)
        store.leases.commit(mint, issued)
        return issued


def lease_request(owner: str = "owner-1", **changes: Any) -> LeaseRequest:
    """Return a lease request; with `key_id` and `body_hash` a standing one has an Idempotency-Key."""
    fields: dict[str, Any] = {
        "merchant": MERCHANT,
        "subject": SHOP,
        "intent_id": INTENT,
        "owner": owner,
        "title": "Storefront",
        "requested_by": "arn:aws:iam::123456789012:user/ann",
        "findable": True,
    }
    return LeaseRequest(**{**fields, **changes})


def session_lease_request(owner: str = "owner-1", **changes: Any) -> LeaseRequest:
    """Return a session's lease request, which has no title by which a lost response could be found."""
    return lease_request(owner, **{"subject": SESSION, "title": None, "findable": False, **changes})


def shop_token(token_id: str = "1001", **changes: Any) -> Token:  # noqa: S107  # an id
    """Return a Shopify token."""
    return token(token_id, **{"provider": "shopify", "merchant": MERCHANT, "title": "Storefront", **changes})


def session_token(
    token_id: str = "jti-1",  # noqa: S107  # an id
    *,
    expires_at: int = int(NOW) + 3600,
    **changes: Any,
) -> Token:
    """Return a ChicksX token of the session."""
    known = {"provider": "chicksx", "merchant": MERCHANT, "subject": SESSION, "expires_at": expires_at}
    return token(token_id, **{**known, **changes})
