"""Events on the bus: by the table's stream, and without it by the queue."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.smoke.deployed import Deployed
from tests.smoke.destructive.tokens import close
from tests.smoke.outcomes import DidNotRun, FellShort, require, restore

#: Seconds. A new rule takes effect within a minute.
_BY_STREAM = 120
#: Seconds. The dispatcher sends an event to the queue after five minutes.
_BY_QUEUE = 540
#: Seconds for an event source mapping to change its state.
_SWITCHING = 120


def an_event_reaches_the_bus(stack: Deployed) -> str:
    with _subscription(stack) as queue:
        return f"SessionClosed after {_heard(stack, queue, _BY_STREAM):.1f} s"


def an_event_reaches_the_bus_without_the_stream(stack: Deployed) -> str:
    if stack.is_local:
        raise DidNotRun("The end-to-end tests show it, without the wait of five minutes.")
    with _subscription(stack) as queue:
        _heard(stack, queue, _BY_STREAM)
        with stream_off(stack):
            return f"SessionClosed after {_heard(stack, queue, _BY_QUEUE):.1f} s, by the queue"


@contextmanager
def _subscription(stack: Deployed) -> Iterator[str]:
    """Add a rule on the stack's bus and a queue behind it, and remove both."""
    events, sqs = stack.client("events"), stack.client("sqs")
    name, bus = f"token-broker-smoke-{secrets.token_hex(4)}", stack.outputs["EventBusName"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    try:
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = {"detail-type": ["SessionClosed"], "detail": {"merchant": [stack.merchant]}}
        rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
        try:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": _policy(arn, rule)})
            events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "smoke", "Arn": arn}])
            yield queue
        finally:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=["smoke"])
            events.delete_rule(Name=name, EventBusName=bus)
    finally:
        sqs.delete_queue(QueueUrl=queue)


def _policy(queue: str, rule: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _heard(stack: Deployed, queue: str, seconds: float) -> float:
    """Close new sessions until one of them is heard of, and return after how many seconds that was."""
    sqs, begin = stack.client("sqs"), time.monotonic()
    closed: dict[str, float] = {}
    while time.monotonic() < begin + seconds:
        # One every half minute: the rule may take effect after the first.
        if not closed or time.monotonic() > max(closed.values()) + 30:
            closed[close(stack, f"smoke-{secrets.token_hex(8)}")] = time.monotonic()
        answer: dict[str, Any] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            session = json.loads(message["Body"])["detail"]["sessionId"]
            if session in closed:
                return time.monotonic() - closed[session]
    raise FellShort(
        f"nothing within {seconds:.1f} s",
        expected="a SessionClosed event",
        advice="see OutboxDeadLetterAlarm and OldestEventAlarm in docs/how-to/runbook.md",
    )


@contextmanager
def stream_off(stack: Deployed) -> Iterator[None]:
    client = stack.client("lambda")
    mappings = stack.of("AWS::Lambda::EventSourceMapping").values()
    found = [client.get_event_source_mapping(UUID=each) for each in mappings]
    (stream,) = [each["UUID"] for each in found if "/stream/" in each["EventSourceArn"]]
    try:
        client.update_event_source_mapping(UUID=stream, Enabled=False)
        _reached(client, stream, "Disabled")
        yield
    finally:
        # Lambda refuses the change while the one before is under way.
        advice = f"aws lambda update-event-source-mapping --enabled --uuid {stream}"
        restore(lambda: client.update_event_source_mapping(UUID=stream, Enabled=True), advice)
        _reached(client, stream, "Enabled")


def _reached(client: Any, mapping: str, state: str) -> None:
    deadline = time.monotonic() + _SWITCHING
    while (now := client.get_event_source_mapping(UUID=mapping)["State"]) != state:
        advice = f"aws lambda update-event-source-mapping --enabled --uuid {mapping}"
        require(time.monotonic() < deadline, now, expected=state, advice=advice)
        time.sleep(2)


CHECKS = (an_event_reaches_the_bus, an_event_reaches_the_bus_without_the_stream)
