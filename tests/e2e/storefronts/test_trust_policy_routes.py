"""The routes of trust policies: what the deployed API adds, which is headers, IAM and a race between processes."""

from functools import partial

import pytest

from sandbox.local_stack import Stack
from tests.callers import at_once
from tests.e2e.conftest import Aws
from tests.e2e.support.principals import denied, iam_user, may_decide
from tests.e2e.support.raw_http import send
from tests.e2e.support.routes import TRUST_POLICY
from tests.e2e.support.storefronts import Document, Shop, Shops
from tests.e2e.support.token_table import TokenTable
from token_broker_client import TokenBroker, errors
from token_broker_client.models import TrustPolicy

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
WRITERS = 8


@pytest.fixture
def shop(shops: Shops) -> Shop:
    """Return a merchant without a policy."""
    return shops.closed()


def stored(table: TokenTable, shop: Shop) -> Document:
    """Return the item of the merchant's policy."""
    return table.partition(f"policy#{shop.name}")["policy"]


def parts(document: Document) -> Document:
    """Return the attributes of a policy. The version before refuses a document with a member that it does not know."""
    return {"document": {name: document[name] for name in document if name != "shop"}, "shop": document["shop"]}


def test_a_policy_is_put_got_changed_and_deleted(broker: TokenBroker, shop: Shop, table: TokenTable) -> None:
    first, second = shop.policy(), shop.policy(origins=["https://new.example"], sessions=None)
    policy = broker.merchant(shop.name).trust_policy
    with pytest.raises(errors.TrustPolicyNotFound):
        policy.get()

    assert policy.put(first, only_new=True) == TrustPolicy(document=first, revision=1)
    assert policy.put(second, if_revision=1) == TrustPolicy(document=second, revision=2) == policy.get()
    with pytest.raises(errors.PreconditionFailed):
        policy.put(first, if_revision=1)
    with pytest.raises(errors.InvalidRequest):
        policy.put({**first, "version": 2})
    item = stored(table, shop)
    assert item.pop("changedAt") > 0
    assert item.pop("changeId")
    assert item == {"revision": 2, **parts(second), "changedBy": ADMINISTRATOR}

    assert [policy.delete(), policy.delete()] == [True, False]
    assert policy.put(first).revision == 4, "an old ETag never fits again"


def test_the_status_and_headers_of_a_policy(stack: Stack, shop: Shop) -> None:
    path = TRUST_POLICY.format(merchant=shop.name)

    for status in (201, 200):
        response = send(stack, "PUT", path, shop.policy())
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["ETag"] == '"1"'


def test_of_those_who_change_one_at_once_exactly_one_wins(broker: TokenBroker, shop: Shop, table: TokenTable) -> None:
    policy = broker.merchant(shop.name).trust_policy
    policy.put(shop.policy())

    def change(number: int) -> TrustPolicy | None:
        try:
            return policy.put(shop.policy(origins=[f"https://{number}.example.com"]), if_revision=1)
        except errors.PreconditionFailed:
            return None

    [won] = filter(None, at_once([partial(change, number) for number in range(WRITERS)]))

    assert won.revision == 2
    assert stored(table, shop).items() >= parts(dict(won.document)).items()


def test_a_backend_changes_its_own_policy_and_no_other(
    stack: Stack, aws: Aws, shops: Shops, shop: Shop, table: TokenTable
) -> None:
    other = shops.open()
    before = stored(table, other)

    with iam_user(aws("iam"), may_decide(stack, shop.name)) as (arn, credentials):
        own, others = (stack.broker(credentials).merchant(name).trust_policy for name in (shop.name, other.name))
        assert own.put(shop.policy()).revision == 1
        for call in (partial(others.put, shop.policy()), others.get, others.delete):
            with denied():
                call()

    assert stored(table, shop)["changedBy"] == arn
    assert stored(table, other) == before
