"""Events on the deployed stack: from the outbox to a subscriber of the bus, whatever fails in between.

The tests write the outbox's items themselves, and run the dispatcher.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator

from sandbox.local_aws.function_logs import messages
from sandbox.local_stack import Stack
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.principals import assumed, client_of
from tests.e2e.support.recorded_aws_calls import no_events_published
from tests.e2e.support.subscriber import Subscriber
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until
from tests.fakes.samples import every_event
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.outbox_items import outbox_put
from token_broker.domain import events
from token_broker.domain.events import Event

PUBLISH = "lifecycle/publish_events"
SCHEMAS = Path(__file__).parents[3] / "docs/reference/events"
#: Seconds after which the dispatcher enqueues an event.
OLD = 400


@dataclass(frozen=True)
class Outbox:
    """One merchant's outbox, written to as the producers do."""

    dynamodb: Any
    table: TokenTable
    merchant: str

    def write(self, *told: Event, **changes: Any) -> None:
        for event in told:
            key, attributes = outbox_put(event)
            item = wrap_all({"pk": key[0], "sk": key[1], **attributes, **changes})
            self.dynamodb.put_item(TableName=self.table.name, Item=item)

    def items(self) -> Mapping[str, dict[str, Any]]:
        """Return the merchant's outbox items by event id."""
        found = self.table.merchant("outbox", f"chicksx#{self.merchant}")
        return {str(sk).removeprefix("event#"): item for (_, sk), item in found.items()}

    def closed(self, *, ago: int = 0) -> Event:
        """Return an event that happened so many seconds ago."""
        session, at = f"s-{secrets.token_hex(4)}", int(time.time()) - ago
        return events.session_closed("chicksx", self.merchant, session, order_id=None, closed_at=at)


@pytest.fixture
def outbox(aws: Aws, table: TokenTable) -> Iterator[Outbox]:
    """Empty again after the test, or else what it left would be delivered within the next."""
    made = Outbox(aws("dynamodb"), table, f"e2e-{secrets.token_hex(4)}")
    yield made
    for event_id in made.items():
        key = {"pk": f"outbox#chicksx#{made.merchant}", "sk": f"event#{event_id}"}
        made.dynamodb.delete_item(TableName=table.name, Key=wrap_all(key))


@pytest.fixture(scope="module")
def role(stack: Stack, aws: Aws) -> str:
    """Return the ARN of the publisher's role."""
    configuration = aws("lambda").get_function_configuration(FunctionName=stack.described["functions"][PUBLISH])
    return str(configuration["Role"])


@contextmanager
def denied(aws: Aws, role: str, action: str) -> Iterator[None]:
    """Deny the action to the publisher until the block ends."""
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    name, policy = role.rpartition("/")[2], json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("iam").put_role_policy(RoleName=name, PolicyName="e2e-denied", PolicyDocument=policy)
    try:
        yield
    finally:
        aws("iam").delete_role_policy(RoleName=name, PolicyName="e2e-denied")


def test_a_subscriber_hears_every_type_as_its_schema_says_and_the_outbox_is_empty_again(
    subscriber: Subscriber, outbox: Outbox
) -> None:
    told = every_event(outbox.merchant, int(time.time()), provider="chicksx")
    outbox.write(*told)

    wait_until(lambda: len(subscriber.of(*told)) >= len(told))
    wait_until(lambda: not outbox.items())

    heard = {each["detail-type"]: each for each in subscriber.of(*told)}
    assert set(heard) == set(events.MEMBERS)
    for event in told:
        got = heard[event.type]
        assert (got["source"], got["detail"]) == ("token-broker", event.as_json())
        schema = json.loads((SCHEMAS / f"{event.type}.schema.json").read_text())
        Draft202012Validator(schema).validate(got["detail"])


def test_other_items_of_the_table_are_told_to_nobody(
    stack: Stack, aws: Aws, subscriber: Subscriber, outbox: Outbox, table: TokenTable
) -> None:
    """They do not even start the function: its log has nothing of them."""
    key = wrap_all({"pk": f"shopify#{outbox.merchant}", "sk": "token#1"})
    before = len(log(stack, aws, '"stream"'))
    for number in range(3):
        aws("dynamodb").put_item(TableName=table.name, Item={**key, "padding": {"N": str(number)}})
    aws("dynamodb").delete_item(TableName=table.name, Key=key)
    event = outbox.closed()
    outbox.write(event)

    wait_until(lambda: not outbox.items())

    assert len(subscriber.of(event)) == 1
    assert len(log(stack, aws, '"stream"')) - before == 1


def log(stack: Stack, aws: Aws, text: str) -> list[dict[str, Any]]:
    """Return the function's log lines that contain the text."""
    group = f"/aws/lambda/{stack.described['eventBus']}-LifecyclePublishEvents"
    return [json.loads(line) for line in messages(aws("logs"), group) if text in line and line.startswith("{")]


def test_the_dispatcher_delivers_an_event_that_the_stream_missed(
    stack: Stack, subscriber: Subscriber, outbox: Outbox
) -> None:
    old, new = outbox.closed(ago=OLD), outbox.closed()
    with no_events_published(stack):
        outbox.write(old, new)
        dispatcher_runs.run(stack)
        wait_until(lambda: subscriber.of(old))
        wait_until(lambda: set(outbox.items()) == {new.event_id})
        assert subscriber.of(new) == [], "it is the stream's for five minutes"

    wait_until(lambda: not outbox.items())
    assert [len(subscriber.of(each)) for each in (old, new)] == [1, 1]


def test_a_publisher_that_ends_between_the_bus_and_the_outbox_delivers_twice_and_loses_nothing(
    stack: Stack, aws: Aws, subscriber: Subscriber, outbox: Outbox, role: str
) -> None:
    """As far as anybody can see from outside: the bus has the event, and its item was not deleted."""
    event = outbox.closed(ago=OLD)
    with denied(aws, role, "dynamodb:DeleteItem"):
        outbox.write(event)
        wait_until(lambda: subscriber.of(event))
        assert set(outbox.items()) == {event.event_id}

    dispatcher_runs.run(stack)

    wait_until(lambda: not outbox.items())
    heard = subscriber.of(event)
    assert len(heard) >= 2
    assert {json.dumps(each["detail"], sort_keys=True) for each in heard} == {
        json.dumps(event.as_json(), sort_keys=True)
    }


def test_an_item_that_makes_no_sense_holds_up_nobody_and_stays_to_be_looked_at(
    stack: Stack, aws: Aws, subscriber: Subscriber, outbox: Outbox
) -> None:
    poison, before, after = outbox.closed(), outbox.closed(), outbox.closed()
    outbox.write(before)
    outbox.write(poison, type="TokenEaten")
    outbox.write(after)

    wait_until(lambda: set(outbox.items()) == {poison.event_id})

    assert [len(subscriber.of(each)) for each in (before, poison, after)] == [1, 0, 1]
    told = log(stack, aws, poison.event_id)
    assert [each["code"] for each in told] == ["unreadable"] * 3, "once, and twice again by the stream; then it is left"


def test_the_publisher_may_use_this_bus_alone(stack: Stack, role: str) -> None:
    """What else it may do is in `test_roles`: of the table's items only those of the outbox."""
    client = client_of(stack, assumed(stack, role, "e2e"), "events")
    entry = {"Source": "token-broker", "DetailType": "Nothing", "Detail": "{}"}

    with pytest.raises(ClientError) as failure:
        client.put_events(Entries=[{**entry, "EventBusName": "default"}])
    assert failure.value.response["Error"]["Code"] == "AccessDeniedException"
    taken = client.put_events(Entries=[{**entry, "EventBusName": stack.described["eventBus"]}])
    assert taken["FailedEntryCount"] == 0
