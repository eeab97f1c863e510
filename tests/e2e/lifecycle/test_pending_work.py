"""On the deployed stack the dispatcher, the queue and the worker finish the work that a call could not finish.

The tests run the dispatcher themselves, and move later due times in the table.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import token_of
from tests.e2e.support.routes import SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

#: The daily look at the provider's list, which is due tomorrow.
DAILY = "reconciliation#shop"


@pytest.fixture
def shop(merchants: Merchants, control: ControlClient) -> Merchant:
    return merchants.shopify()


@pytest.fixture
def bring_forward(aws: Aws, table: TokenTable) -> Callable[[Merchant], None]:
    """As if the time until then had passed: leases end, and what waits has been due for minutes.

    No two moves give the same time. The queue would drop the second message as a duplicate of the first.
    """
    age = count(121, step=121)

    def move(shop: Merchant) -> None:
        dynamodb, past = aws("dynamodb"), {"N": str(int(time.time()) - next(age))}
        for (pk, sk), item in table.merchant("shopify", shop.name).items():
            for name in {"dueAt", "leaseEnd", "intentEnd"} & set(item) if sk != DAILY else ():
                dynamodb.update_item(
                    TableName=table.name,
                    Key={"pk": {"S": pk}, "sk": {"S": sk}},
                    UpdateExpression=f"SET {name} = :past",
                    ExpressionAttributeValues={":past": past},
                )

    return move


def due_of(table: TokenTable, shop: Merchant) -> set[str]:
    return {sk for pk, sk in table.due() if pk == f"shopify#{shop.name}"} - {DAILY}


def items_of(table: TokenTable, shop: Merchant) -> dict[str, dict[str, Any]]:
    return {sk: item for sk, item in table.partition(f"shopify#{shop.name}").items() if sk != DAILY}


def was_tried(table: TokenTable, shop: Merchant, key: str, times: int) -> bool:
    return bool(items_of(table, shop)[key].get("tries") == times)


def at_the_provider(control: ControlClient, shop: Merchant) -> list[str]:
    return [str(token["id"]) for token in control.state()["shopify"][shop.name]["tokens"]]


def revoke_in_vain(stack: Stack, control: ControlClient, shop: Merchant, *, refusals: int = 3) -> str:
    path = SHOPIFY.format(merchant=shop.name)
    token_id = str(token_of(stack.call("POST", path, {"title": "Kiosk"}), 201)["tokenId"])
    control.fault("shopify", "status", status=503, method="DELETE", times=refusals)
    pending = stack.call("DELETE", f"{path}/{token_id}")
    assert (pending.status_code, pending.json()) == (202, {"revocation": "pending"})
    return token_id


def test_the_worker_confirms_a_revocation_that_the_provider_rejected_for_a_while(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable, bring_forward: Callable[[Merchant], None]
) -> None:
    token_id = revoke_in_vain(stack, control, shop, refusals=9)
    key = f"token#{token_id}"

    for tries in (1, 2):
        dispatcher_runs.run(stack)
        wait_until(partial(was_tried, table, shop, key, tries))
        item = items_of(table, shop)[key]
        assert (item["state"], at_the_provider(control, shop)) == ("revoking", [token_id])
        assert item["dueAt"] > time.time() + 20
        bring_forward(shop)
    dispatcher_runs.run(stack)

    wait_until(lambda: items_of(table, shop)[key]["state"] == "revoked")
    assert (at_the_provider(control, shop), due_of(table, shop)) == ([], set())


@pytest.mark.parametrize(
    ("method", "path", "body", "state"),
    [("GET", SHOPIFY_CURRENT, None, "current"), ("POST", SHOPIFY, {"title": "Kiosk"}, "standing")],
)
def test_an_intent_that_a_lost_answer_left_open_is_adopted(
    stack: Stack,
    control: ControlClient,
    shop: Merchant,
    table: TokenTable,
    bring_forward: Callable[[Merchant], None],
    method: str,
    path: str,
    body: Any,
    state: str,
) -> None:
    control.fault("shopify", "act_then_drop", method="POST")
    control.fault("shopify", "status", status=500, method="GET", times=3)
    assert stack.call(method, path.format(merchant=shop.name), body).status_code == 504
    (token_id,) = at_the_provider(control, shop)
    assert len(due_of(table, shop)) == 1

    bring_forward(shop)
    dispatcher_runs.run(stack)

    wait_until(lambda: f"token#{token_id}" in items_of(table, shop))
    record = items_of(table, shop)[f"token#{token_id}"]
    assert (record["state"], due_of(table, shop)) == (state, set())
    assert at_the_provider(control, shop) == [token_id]
    if state == "current":
        assert token_of(stack.call("GET", path.format(merchant=shop.name)))["tokenId"] == token_id


def test_an_intent_that_led_to_nothing_is_ended(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable, bring_forward: Callable[[Merchant], None]
) -> None:
    control.fault("shopify", "drop_before_acting", method="POST")
    control.fault("shopify", "status", status=500, method="GET", times=3)
    assert stack.call("POST", SHOPIFY.format(merchant=shop.name), {"title": "Kiosk"}).status_code == 504

    bring_forward(shop)
    dispatcher_runs.run(stack)

    wait_until(lambda: items_of(table, shop) == {})
    assert at_the_provider(control, shop) == []


def test_the_schedule_starts_the_dispatcher_every_minute(stack: Stack, aws: Aws) -> None:
    schedule = dispatcher_runs.schedule_of(stack)
    role = schedule["Target"]["RoleArn"].rpartition("/")[2]

    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert json.loads(schedule["Target"]["Input"]) == {}
    trusted = aws("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert trusted == {"Service": "scheduler.amazonaws.com"}


def test_a_message_that_makes_no_sense_is_put_aside(stack: Stack, aws: Aws) -> None:
    """As the queue's own settings say, after its tries; here the function's answer for it is what counts."""
    bad = {"messageId": "m-1", "body": "no JSON", "eventSource": "aws:sqs", "attributes": {}}

    answer, error = stack.invoke("shopify/maintain", {"Records": [bad]})

    assert (answer, error) == ({"batchItemFailures": [{"itemIdentifier": "m-1"}]}, None)
