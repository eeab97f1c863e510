"""Alarms, metrics, logs and the dashboard."""

import json
from typing import Any

from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, require


def every_alarm_notifies_someone(stack: Deployed) -> str:
    found = _alarms(stack)
    off = sorted(name for name, alarm in found.items() if not alarm["ActionsEnabled"])
    if not off and not stack.parameters.get("AlarmTopicArn") and stack.parameters.get("Stage") != "production":
        raise DidNotRun("The stack has no AlarmTopicArn, so its alarms are shown in CloudWatch only.")
    silent = sorted(name for name, alarm in found.items() if not alarm["AlarmActions"])
    quiet = sorted({*off, *silent})
    return require(
        found and not quiet,
        f"{len(found)} alarms, without a notification: {', '.join(quiet) or 'none'}",
        expected="each alarm has an action, and actions are enabled",
        advice="deploy with AlarmTopicArn and TicketTopicArn, or aws cloudwatch enable-alarm-actions",
    )


def the_topics_of_the_alarms_have_a_subscriber(stack: Deployed) -> str:
    given = {stack.parameters.get(name, "") for name in ("AlarmTopicArn", "TicketTopicArn")} - {""}
    if not given:
        raise DidNotRun("The stack has no AlarmTopicArn.")
    sns = stack.client("sns")
    found = {topic: sns.get_topic_attributes(TopicArn=topic)["Attributes"] for topic in sorted(given)}
    silent = [topic for topic, attributes in found.items() if attributes.get("SubscriptionsConfirmed", "0") == "0"]
    return require(
        not silent,
        f"{len(found)} topics, without a subscriber: {', '.join(silent) or 'none'}",
        expected="a confirmed subscription of each",
        advice="aws sns subscribe, and confirm it",
    )


def no_alarm_rings(stack: Deployed) -> str:
    found = _alarms(stack)
    # An alarm that notifies on missing data rings by it, such as that of a dispatcher that has stopped.
    ringing = sorted(
        name
        for name, alarm in found.items()
        if alarm["StateValue"] == "ALARM"
        or (alarm["StateValue"] == "INSUFFICIENT_DATA" and alarm["ActionsEnabled"] and alarm["InsufficientDataActions"])
    )
    expected = len(stack.of("AWS::CloudWatch::Alarm"))
    return require(
        not ringing and len(found) == expected,
        f"{len(found)} alarms, ringing: {', '.join(ringing) or 'none'}",
        expected=f"{expected} alarms, none ringing",
        advice="docs/how-to/runbook.md says what to do; in the first 15 minutes of a stack, wait",
    )


def the_dashboard_shows_this_stack(stack: Deployed) -> str:
    (name,) = stack.of("AWS::CloudWatch::Dashboard").values()
    body = stack.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    widgets = len(json.loads(body)["widgets"])
    return require(
        stack.name in body and widgets,
        f"{name}, {widgets} widgets",
        expected="widgets of this stack",
        advice="deploy the template again",
    )


def metrics_arrive_from_the_log(stack: Deployed) -> str:
    if stack.is_local:
        raise DidNotRun("The local AWS makes no metrics from log lines.")
    service = [{"Name": "service", "Value": stack.name}]
    found = stack.client("cloudwatch").list_metrics(Namespace="TokenBroker", Dimensions=service)["Metrics"]
    names = {each["MetricName"] for each in found}
    return require(
        names,
        f"{len(names)} metrics of this stack in the namespace TokenBroker",
        expected="at least one: the dispatcher runs each minute",
        advice="wait 15 minutes after the first run; then look for lines with _aws in the dispatcher's log",
    )


def the_api_writes_access_logs(stack: Deployed) -> str:
    if stack.parameters.get("AccessLogs") != "true" and stack.parameters.get("Stage") != "production":
        raise DidNotRun("The stack was deployed with AccessLogs=false.")
    api = stack.outputs["ApiId"]
    settings = stack.client("apigateway").get_stage(restApiId=api, stageName="v1").get("accessLogSettings", {})
    group = settings.get("destinationArn", "nowhere").rpartition(":")[2]
    return require(
        settings, f"to {group}", expected="to a log group", advice="deploy with AccessLogs=true (docs/how-to/deploy.md)"
    )


def every_log_group_forgets_after_the_chosen_days(stack: Deployed) -> str:
    logs, days = stack.client("logs"), int(stack.parameters["LogRetentionDays"])
    groups = sorted(stack.of("AWS::Logs::LogGroup").values())
    found: dict[str, int | None] = {}
    for group in groups:
        for each in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            found[each["logGroupName"]] = each.get("retentionInDays")
    wrong = [group for group in groups if found.get(group) != days]
    return require(
        groups and not wrong,
        f"{len(groups)} log groups, otherwise: {', '.join(wrong) or 'none'}",
        expected=f"{days} days for each",
        advice="deploy the template again",
    )


def _alarms(stack: Deployed) -> dict[str, Any]:
    """Return the stack's alarms by their logical names."""
    names = {physical: logical for logical, physical in stack.of("AWS::CloudWatch::Alarm").items()}
    pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=list(names))
    return {names[alarm["AlarmName"]]: alarm for page in pages for alarm in page["MetricAlarms"]}


CHECKS = (
    every_alarm_notifies_someone,
    the_topics_of_the_alarms_have_a_subscriber,
    no_alarm_rings,
    the_dashboard_shows_this_stack,
    metrics_arrive_from_the_log,
    the_api_writes_access_logs,
    every_log_group_forgets_after_the_chosen_days,
)
