"""The operator's smoke checks, by their command, on a stack that is right and on one that is not."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from botocore.credentials import Credentials

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.own_stack import PROJECT
from tests.e2e.support.principals import iam_user
from tests.e2e.support.storefronts import Shop, Shops
from tests.reference.paths import local_python
from tests.smoke import destructive, safe
from tests.smoke.destructive.overload import flood
from tests.smoke.outcomes import Check

#: What the local AWS, or a stack without topic and access logs, cannot show.
NOT_HERE = {
    "A production stack is protected against deletion",
    "Every alarm notifies someone",
    "The topics of the alarms have a subscriber",
    "Metrics arrive from the log",
    "The api writes access logs",
    "A role that writes may do so whatever keys a transaction shows",
    "No role may touch the items of another provider",
    "A body of eleven megabytes is refused",
}
SIGNATURES = {"A wrong signature is refused", "A signature of an hour ago is refused"}
DISTURBING = {
    "An event reaches the bus without the stream",
    "A throttled authorizer answers 503",
    "A throttled function answers 503",
    "A flood of one route is refused before its authorizer",
}


class Report(NamedTuple):
    """What the command said: its exit status, its text, and the checks by how they ended."""

    status: int
    text: str
    held: set[str]
    fell_short: set[str]
    did_not_run: set[str]


def smoke(stack: Stack, checks: str, merchant: str, credentials: Credentials | None = None, typed: str = "") -> Report:
    own = credentials or stack.credentials()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": stack.described["endpointUrl"],
        "AWS_ACCESS_KEY_ID": str(own.access_key),
        "AWS_SECRET_ACCESS_KEY": str(own.secret_key),
    }
    named = ("--stack", stack.described["eventBus"], "--region", stack.described["region"], "--merchant", merchant)
    ended = subprocess.run(
        [str(local_python()), "-m", "tests.smoke", checks, *named, "--api-url", stack.api_url],
        cwd=PROJECT,
        env=environment,
        input=f"{typed}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = {
        result: set(re.findall(rf"^{result} +([^(\n]+?)(?: \(.*)?$", ended.stdout, re.MULTILINE))
        for result in ("held", "fell short", "did not run")
    }
    return Report(ended.returncode, ended.stdout + ended.stderr, *found.values())


def sentences(checks: tuple[Check, ...]) -> set[str]:
    return {check.__name__.replace("_", " ").capitalize() for check in checks}


@pytest.fixture(scope="module", autouse=True)
def _quiet(stack: Stack, aws: Aws) -> None:
    """Remove what other tests may have left: failed messages, and alarms that ring."""
    sqs, cloudwatch = aws("sqs"), aws("cloudwatch")
    for url in sqs.list_queues(QueueNamePrefix=f"{stack.described['eventBus']}-")["QueueUrls"]:
        if "DeadLetter" in url:
            sqs.purge_queue(QueueUrl=url)
    for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="the next test")


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


@pytest.fixture
def values(shops: Shops) -> set[str]:
    """Return every credential, none of which may be printed."""
    return shops.merchants.values


def test_a_stack_that_is_right_holds(stack: Stack, shop: Shop, values: set[str]) -> None:
    with dispatcher_runs.running(stack):
        report = smoke(stack, "safe", shop.name)

    assert (report.status, report.fell_short) == (0, set()), report.text
    assert report.did_not_run == NOT_HERE | SIGNATURES
    assert report.held == sentences(safe.CHECKS) - report.did_not_run
    assert not any(value in report.text for value in values)


@contextmanager
def broken(stack: Stack, aws: Aws) -> Iterator[None]:
    """Switch off the table's expiry, an alarm's actions and a queue's function. The schedule is off for all tests."""
    dynamodb, cloudwatch, functions = aws("dynamodb"), aws("cloudwatch"), aws("lambda")
    expiry = {"TableName": stack.described["table"]}
    (alarm, *_) = cloudwatch.describe_alarms(AlarmNamePrefix=f"{stack.described['eventBus']}-")["MetricAlarms"]
    (mapping, *_) = functions.list_event_source_mappings()["EventSourceMappings"]

    def switch(*, on: bool) -> None:
        specification = {"AttributeName": "expiresAt", "Enabled": on}
        dynamodb.update_time_to_live(**expiry, TimeToLiveSpecification=specification)
        actions = cloudwatch.enable_alarm_actions if on else cloudwatch.disable_alarm_actions
        actions(AlarmNames=[alarm["AlarmName"]])
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)

    switch(on=False)
    try:
        yield
    finally:
        switch(on=True)


def test_what_is_broken_falls_short(stack: Stack, aws: Aws, shop: Shop) -> None:
    """The local AWS checks the signatures of users, so one runs the checks here."""
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    with broken(stack, aws), iam_user(aws("iam"), everything) as (_, credentials):
        report = smoke(stack, "safe", shop.name, credentials)

    assert report.status == 1
    assert report.held >= SIGNATURES, report.text
    assert report.fell_short == {
        "Ended items leave the table",
        "Every alarm notifies someone",
        "Every queue and the stream start their function",
        "The scheduler is enabled",
    }, report.text
    assert "do:       deploy with DispatchState=ENABLED" in report.text


def test_the_disturbing_checks_run_after_the_stacks_name(stack: Stack, shop: Shop, values: set[str]) -> None:
    report = smoke(stack, "destructive", shop.name, typed=stack.described["eventBus"])

    assert (report.status, report.fell_short) == (0, set()), report.text
    assert report.did_not_run == DISTURBING
    assert report.held == sentences(destructive.CHECKS) - DISTURBING
    token = stack.broker().merchant(shop.name).shopify.current()
    assert not any(value in report.text for value in (token.access_token, *values))


def test_a_flood_counts_its_answers(stack: Stack) -> None:
    assert flood(f"{stack.api_url}/no-such-path", rate=40, seconds=0.5) == {401: 20}


def test_without_the_stacks_name_nothing_is_sent(stack: Stack, control: ControlClient, shop: Shop) -> None:
    report = smoke(stack, "destructive", shop.name, typed="yes")

    assert report.status == 2
    assert report.text.endswith("This is not the stack's name, so nothing was run.\n")
    assert control.requests() == []
