"""Twenty callers at once: one token is minted, and all of them get it."""

from collections.abc import Iterator
from functools import partial

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.callers import at_once
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.routes import FIELDS
from tests.e2e.support.token_table import TokenTable
from token_broker_client import Token, TokenBroker, TokenBrokerError
from token_broker_client.errors import MerchantNotFound
from token_broker_client.transport import Answer

CALLERS = 20
#: Each race is run this often, with a new subject: a window of milliseconds is not hit each time.
ROUNDS = 4
#: The functions that race.
RACING = ("chicksx/public_token", "shopify/storefront_access_token", "shopify/create_storefront_access_token")
#: How often a caller asks that is told to come again. The stack's time limit for a call bounds it, too.
TRIES = 20


@pytest.fixture(scope="module")
def patient(stack: Stack) -> Iterator[TokenBroker]:
    """Yield a client that asks again after the stated time."""
    with stack.broker(attempts=TRIES) as broker:
        yield broker


def answer(broker: TokenBroker, name: str, merchant: str) -> Answer | TokenBrokerError:
    """Call an operation. All its callers name the same key."""
    key = {"idempotencyKey": "order-1"} if name == RACING[2] else {}
    try:
        return broker.call(name, merchant=merchant, **FIELDS.get(name, {}), **key)
    except TokenBrokerError as error:
        return error


@pytest.fixture(scope="module", params=RACING)
def name(broker: TokenBroker, merchants: Merchants, request: pytest.FixtureRequest) -> str:
    """Return an operation with twenty processes of its function, so that what follows really happens at once."""
    for callers in range(5, CALLERS + 1, 5):
        answers = at_once([partial(answer, broker, request.param, merchants.nobody())] * callers)
        assert {type(each) for each in answers} == {MerchantNotFound}
    return str(request.param)


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_token_is_minted_for_all(
    patient: TokenBroker, control: ControlClient, merchants: Merchants, table: TokenTable, name: str, _round: int
) -> None:
    provider = name.partition("/")[0]
    merchant = merchants.of(provider).name

    answers = at_once([partial(answer, patient, name, merchant)] * CALLERS)

    assert control.state()[provider][merchant]["mints"] == 1
    assert {type(each) for each in answers} == {Answer}, answers
    if provider == "chicksx":
        assert [each.status for each in answers].count(201) == 1
    first, *others = (Token.from_json(each.body) for each in answers if isinstance(each, Answer))
    assert all(token == first for token in others), "all callers get the same token"
    items = table.merchant(provider, merchant)
    assert [sk for _, sk in items if sk.startswith("token#")] == [f"token#{first.token_id}"]
    assert not [sk for (_, sk), item in items.items() if "owner" in item], "nobody holds a lease"
