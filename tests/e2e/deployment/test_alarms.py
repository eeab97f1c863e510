"""On the deployed stack: alarms and dashboard are there, on metrics of this stack alone."""

import json

from sandbox.local_stack import Stack
from tests.e2e.conftest import Aws
from tests.unit.repository.transformed import resources


def test_every_alarm_of_the_template_is_there(stack: Stack, aws: Aws) -> None:
    name = stack.described["eventBus"]
    alarms = aws("cloudwatch").describe_alarms(AlarmNamePrefix=f"{name}-")["MetricAlarms"]

    deployed = {each["AlarmName"].removeprefix(f"{name}-").rpartition("-")[0]: each for each in alarms}
    written = resources("AWS::CloudWatch::Alarm")
    for name_of_value in ("EvaluationPeriods", "Threshold"):
        # The rows of the tables leave out what has a default.
        assert {alarm: each[name_of_value] for alarm, each in deployed.items()} == {
            alarm: each[name_of_value] for alarm, each in written.items()
        }
    ours = [each["Dimensions"] for each in alarms if each["Namespace"] == "TokenBroker"]
    assert all({"Name": "service", "Value": name} in dimensions for dimensions in ours)


def test_an_alarm_watches_the_queue_and_the_function_that_are_deployed(stack: Stack, aws: Aws) -> None:
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    watched = {each["Namespace"]: each["Dimensions"][0]["Value"] for each in alarms if "WorkDead" in each["AlarmName"]}
    watched |= {each["Namespace"]: each["Dimensions"][0]["Value"] for each in alarms if "Stalled" in each["AlarmName"]}

    queues = [url.rpartition("/")[2] for url in aws("sqs").list_queues()["QueueUrls"]]
    assert watched["AWS/SQS"] in queues
    assert watched["AWS/Lambda"] == stack.described["functions"]["lifecycle/dispatch"]


def test_the_dashboard_is_there_with_the_deployed_names(stack: Stack, aws: Aws) -> None:
    name = f"{stack.described['eventBus']}-{stack.described['region']}"
    body = json.loads(aws("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])

    shown = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
    # "..." repeats all words of the metric before it but the last.
    functions = {each[3] for each in shown if each[0] == "AWS/Lambda"} | {each[1] for each in shown if each[0] == "..."}
    assert functions == set(stack.described["functions"].values())
    assert "${" not in json.dumps(body)
