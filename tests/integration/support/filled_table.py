"""Fill a table as many merchants fill it: items of each kind that `records` lists, with no work that is due."""

import itertools
from collections.abc import Iterator
from typing import Any

from tests.integration.support.store_harness import session_token, shop_token
from token_broker.aws.store import records
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.outbox_items import outbox_put
from token_broker.domain import events
from token_broker.domain.token import SHOP, State

DAY = 24 * 60 * 60
#: The largest batch of BatchWriteItem.
BATCH = 25


def fill(dynamodb: Any, table: str, items: Iterator[dict[str, Any]]) -> None:
    """Put items of plain values."""
    for some in itertools.batched(items, BATCH, strict=False):
        requests = [{"PutRequest": {"Item": wrap_all(item)}} for item in some]
        assert not dynamodb.batch_write_item(RequestItems={table: requests})["UnprocessedItems"]


def merchants(count: int, now: int) -> Iterator[dict[str, Any]]:
    """Yield the items of so many merchants: policy, tokens, a session, an undelivered event, and work of tomorrow."""
    for number in range(count):
        merchant = f"other-{number}"
        pk = records.partition("shopify", merchant)
        current = shop_token(f"{number}", merchant=merchant)
        yield _item((f"policy#{merchant}", "policy"), revision=1, document={"allowedOrigins": []})
        subject = records.subject_key("shopify", merchant, SHOP)
        yield _item(subject, fence=1, current=records.token_attributes(current))
        yield _item((pk, f"{records.TOKEN}{number}"), **records.token_attributes(current))
        yield _item((pk, records.RECONCILIATION), due=records.due_shard(pk), dueAt=now + DAY)
        yield from of_one_merchant(merchant, 1, now)


def of_one_merchant(merchant: str, count: int, now: int) -> Iterator[dict[str, Any]]:
    """Yield what a merchant has many of: ended tokens, used idempotency keys, sessions, and events under way."""
    pk = records.partition("shopify", merchant)
    for number in range(count):
        ended = shop_token(f"ended-{number}", merchant=merchant, state=State.REVOKED)
        attributes = records.token_attributes(ended) | {"accessToken": None, "expiresAt": now + DAY}
        yield _item((pk, f"{records.TOKEN}{ended.token_id}"), **attributes)
        yield _item((pk, f"{records.INTENT}key-{number}"), tokenId=ended.token_id, expiresAt=now + DAY)
        yield _item((pk, f"{records.MINT_QUOTA}{now - 60 * number - 120}"), mints=1, expiresAt=now - 60 * number)
        session = session_token(f"jti-{number}", merchant=merchant, subject=f"session:other-{number}")
        key = records.token_key("chicksx", merchant, session.subject, session.token_id)
        yield _item(key, **records.token_attributes(session))
        yield _item(records.subject_key("chicksx", merchant, session.subject), fence=1, expiresAt=now + DAY)
        event = events.session_closed("chicksx", merchant, f"other-{number}", order_id=None, closed_at=now)
        key, attributes = outbox_put(event)
        yield _item(key, **attributes)


def _item(key: tuple[str, str], **attributes: Any) -> dict[str, Any]:
    return {"pk": key[0], "sk": key[1], **attributes}
