"""What the store's tests work with: one engine's stores on one clock, seen through the ports or as bare items."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Self

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.samples import token
from tests.fakes.store import MemoryStore
from token_broker.aws.store.attributes import unwrap_all, wrap_all
from token_broker.aws.store.outbox_items import PREFIX, event_of
from token_broker.aws.store.table import Table
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.events import Event
from token_broker.domain.leases import LeaseHeld, LeaseRequest, MintLease, OpenIntent, SubjectState
from token_broker.domain.pending import PendingRevocation
from token_broker.domain.token import SHOP, State, Token, session_subject
from token_broker.ports.store import Store

MERCHANT = "acme"
SESSION = session_subject("s-1")
SHOP_PARTITION, SESSION_PARTITION = "shopify#acme", "chicksx#acme#session:s-1"
DAY = 24 * 60 * 60
NOW_S = int(NOW)
ANN = "arn:aws:iam::123456789012:user/ann"
INTENT, OTHER_INTENT = "a" * 26, "b" * 26


def there[T](found: T | None) -> T:
    """Return what a test expects to be stored."""
    assert found is not None
    return found


@dataclass(kw_only=True)
class Stores(ABC):
    """Show what is stored for one provider through the ports alone."""

    clock: MovableClock = field(default_factory=MovableClock)
    provider: str = "shopify"
    mints_per_minute: int | None = None

    @abstractmethod
    def store(self, provider: str | None = None) -> Store:
        """Return a separate store, as each process has one."""

    @abstractmethod
    def contents(self) -> object:
        """Return everything that is stored, to be compared with a later look."""

    @abstractmethod
    def pending(self) -> dict[str, int]:
        """Return the due time of each piece of the merchant's pending work, except undelivered events."""

    @abstractmethod
    def events(self) -> list[Event]: ...

    @property
    def subject(self) -> str:
        return SESSION if self.provider == "chicksx" else SHOP

    def of(self, provider: str) -> Self:
        return replace(self, provider=provider)

    def limited(self, mints_per_minute: int) -> Self:
        return replace(self, mints_per_minute=mints_per_minute)

    def told(self, *members: str) -> list[tuple[Any, ...]]:
        """Return the type and these members of each event, the oldest first."""
        events = sorted(self.events(), key=lambda event: event.occurred_at)
        assert "value-of-" not in repr(events)
        return [(event.type, *map(event.as_json().get, members)) for event in events]

    def state(self, subject: str | None = None) -> SubjectState:
        return self.store().leases.state(MERCHANT, subject or self.subject)

    def served(self) -> str | None:
        token = self.state().token
        return None if token is None else token.token_id

    def token(self, token_id: str = "1001") -> Token:  # noqa: S107  # an id
        return there(self.store().tokens.get(MERCHANT, token_id))

    def history(self, token_id: str = "1001") -> list[tuple[str, str | None, str, str]]:  # noqa: S107  # an id
        """Return who changed the token from which state to which, and why."""
        lines = [line.as_json() for line in self.token(token_id).history]
        assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
        return [(line["by"], line["from"], line["to"], line["why"]) for line in lines]

    def revocation(self, token_id: str = "1001") -> PendingRevocation:  # noqa: S107  # an id
        return there(self.store().tokens.pending_revocation(MERCHANT, token_id))

    def acquire(
        self, owner: str = "owner-1", expected: SubjectState | None = None, **changes: Any
    ) -> MintLease | LeaseHeld:
        """Try to acquire the lease of the current token, on the present state if no other is given."""
        request = self.request(owner, **changes)
        seen = self.state(request.subject) if expected is None else expected
        return self.store().leases.acquire(request, seen)

    def begin(self, owner: str = "owner-1", **changes: Any) -> MintLease:
        lease = self.acquire(owner, **changes)
        assert isinstance(lease, MintLease)
        return lease

    def begin_standing(self, owner: str = "owner-1", **changes: Any) -> MintLease:
        lease = self.store().leases.acquire_standing(self.request(owner, **changes))
        assert isinstance(lease, MintLease)
        return lease

    def begin_either(self, *, standing: bool, **changes: Any) -> MintLease:
        return self.begin_standing(**changes) if standing else self.begin(**changes)

    def expired(self, standing_id: str | None = None, owner: str = "worker") -> OpenIntent:
        return there(self.store().leases.acquire_expired(MERCHANT, standing_id, owner))

    def issue(self, issued: Token, intent_id: str = INTENT) -> Token:
        begin = self.begin if issued.state is State.CURRENT else self.begin_standing
        lease = begin(f"owner-of-{issued.token_id}", subject=issued.subject, intent_id=intent_id)
        self.store().leases.commit(lease, issued)
        return issued

    def request(self, owner: str = "owner-1", **changes: Any) -> LeaseRequest:
        """Return a lease request. A session has no title by which a lost response could be found."""
        title = "Storefront" if self.subject == SHOP else None
        wanted = LeaseRequest(MERCHANT, self.subject, INTENT, owner, title, ANN, findable=title is not None)
        return wanted._replace(**changes)


@dataclass(kw_only=True)
class MemoryStores(Stores):
    """Show the fake, of which each provider's processes share one."""

    made: dict[str, MemoryStore] = field(default_factory=dict)

    def store(self, provider: str | None = None) -> MemoryStore:
        name = provider or self.provider
        return self.made.setdefault(name, MemoryStore(self.clock, name, self.mints_per_minute))

    def contents(self) -> object:
        return deepcopy({name: store.contents() for name, store in self.made.items()})

    def pending(self) -> dict[str, int]:
        return self.store().due_times(MERCHANT)

    def events(self) -> list[Event]:
        return [event for store in self.made.values() for event in store.told]


@dataclass(kw_only=True)
class StoreBench(Stores):
    """Show a table, also as bare items."""

    dynamodb: Any
    table_name: str

    def table(self, dynamodb: Any = None) -> Table:
        client = dynamodb or self.dynamodb
        return Table(lambda: client, self.table_name)

    def store(self, provider: str | None = None) -> DynamoStore:
        limit, name = self.mints_per_minute, provider or self.provider
        return DynamoStore(self.table(), provider=name, clock=self.clock, mints_per_minute=limit)

    def contents(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table_name, ConsistentRead=True)
        found = [unwrap_all(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda item: (item["pk"], item["sk"]))

    def items(self) -> list[dict[str, Any]]:
        """Return the whole table except the outbox, in the order of its keys."""
        return [item for item in self.contents() if not item["pk"].startswith(PREFIX)]

    def outbox(self) -> list[dict[str, Any]]:
        return [item for item in self.contents() if item["pk"].startswith(PREFIX)]

    def events(self) -> list[Event]:
        return [there(event_of(item)) for item in self.outbox()]

    def due(self, *, events: bool = False) -> list[tuple[str, str]]:
        """Return the keys in the due index, either of events or of all other items."""
        keys = [(item["pk"], item["sk"]) for item in self._index()]
        return [key for key in keys if key[0].startswith(PREFIX) is events]

    def pending(self) -> dict[str, int]:
        return {item["sk"]: item["dueAt"] for item in self._index() if not item["pk"].startswith(PREFIX)}

    def _index(self) -> list[dict[str, Any]]:
        return [unwrap_all(item) for item in self.dynamodb.scan(TableName=self.table_name, IndexName="due")["Items"]]

    def item(self, sk: str, pk: str = SHOP_PARTITION) -> dict[str, Any]:
        key = wrap_all({"pk": pk, "sk": sk})
        found = self.dynamodb.get_item(TableName=self.table_name, Key=key, ConsistentRead=True).get("Item", {})
        return unwrap_all(found)

    def put(self, item: dict[str, Any]) -> None:
        """Put an item, as nobody's store would."""
        self.dynamodb.put_item(TableName=self.table_name, Item=wrap_all(item))

    def change(self, sk: str, expression: str, pk: str = SHOP_PARTITION, **values: Any) -> None:
        """Update an item. `:name` in the expression stands for the value of that name."""
        named = {"ExpressionAttributeValues": wrap_all({f":{name}": value for name, value in values.items()})}
        self.dynamodb.update_item(
            TableName=self.table_name,
            Key=wrap_all({"pk": pk, "sk": sk}),
            UpdateExpression=expression,
            **(named if values else {}),
        )

    def delete(self, sk: str, pk: str = SHOP_PARTITION) -> None:
        self.dynamodb.delete_item(TableName=self.table_name, Key=wrap_all({"pk": pk, "sk": sk}))

    @contextmanager
    def meanwhile(self, operation: str, *actions: Callable[[], object], before: int) -> Iterator[list[str]]:
        """Let something happen before this call of an operation and each next one, and yield the calls.

        The calls of what happens are not among them.
        """
        calls: list[str] = []
        waiting = list(actions)
        event = f"before-call.dynamodb.{operation}"

        def note(**_: Any) -> None:
            calls.append(operation)
            if len(calls) >= before and waiting:
                self.dynamodb.meta.events.unregister(event, note)
                waiting.pop(0)()
                self.dynamodb.meta.events.register(event, note)

        self.dynamodb.meta.events.register(event, note)
        try:
            yield calls
        finally:
            self.dynamodb.meta.events.unregister(event, note)
        assert waiting == [], "something was to happen and did not"


def shop_token(token_id: str = "1001", **changes: Any) -> Token:  # noqa: S107  # an id
    return token(token_id, **{"provider": "shopify", "merchant": MERCHANT, "title": "Storefront", **changes})


def session_token(token_id: str = "jti-1", **changes: Any) -> Token:  # noqa: S107  # an id
    known = {"provider": "chicksx", "merchant": MERCHANT, "subject": SESSION, "expires_at": NOW_S + 3600}
    return token(token_id, **{**known, **changes})
