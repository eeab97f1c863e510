"""Alarms watch metrics that exist, tell who must act, and tell them once. The local AWS evaluates no metric math."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.unit.repository.pages import ROOT
from tests.unit.repository.test_metrics_shown import ALL, PROVIDERS, is_counted, our_dimensions
from tests.unit.repository.transformed import PLACE, plain, resources, transformed
from token_broker.domain.delays import DAY, MAX_PAUSE

ALARMS: dict[str, Any] = resources("AWS::CloudWatch::Alarm")
#: The alarms on faults of one merchant, and the seconds after which a lasting fault is counted again.
REPEATED = {
    **{f"{provider.capitalize()}CredentialsAlarm": MAX_PAUSE for provider in PROVIDERS},
    **dict.fromkeys(("OldestRevocationAlarm", "RotationFailedAlarm"), MAX_PAUSE),
    **dict.fromkeys(("ShopifyReauthorizationAlarm", "FourthwallReauthorizationAlarm", "LowHeadroomAlarm"), DAY),
}
#: Seconds from the time at which work is due to its end.
SLACK = 600
#: The metrics of AWS that are watched, and the kind of resource that each of their dimensions names.
OF_AWS = {
    "AWS/Lambda": ({"Errors", "Invocations", "IteratorAge", "Throttles"}, {"FunctionName": "AWS::Lambda::Function"}),
    "AWS/SQS": (
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
        {"QueueName": "AWS::SQS::Queue"},
    ),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents"}, {"TableName": "AWS::DynamoDB::Table"}),
}
#: The metrics of AWS that no resource of the template names, with their dimensions.
OF_THE_API = {"ApiName": PLACE.stack, "Stage": "v1"}
OF_THE_ACCOUNT = {"Class": "None", "Resource": "ConcurrentExecutions", "Service": "Lambda", "Type": "Resource"}

ALARM_TOPIC = {"Fn::If": ["WithAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
TICKET_TOPIC = {"Fn::If": ["WithTicketTopic", [{"Ref": "TicketTopicArn"}], ALARM_TOPIC]}

_QUERY = re.compile(r'SELECT SUM\("([\w.]+)"\) FROM SCHEMA\(TokenBroker, provider, service\) WHERE service = \'(.*)\'')

each_alarm = pytest.mark.parametrize("name", ALARMS)


class Watched(NamedTuple):
    """A metric that an alarm watches."""

    space: str
    name: str
    dimensions: dict[str, str]


def watched(alarm: Any) -> Iterator[Watched]:
    alarm = plain(alarm)
    for part in alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}]):
        if query := _QUERY.fullmatch(part.get("Expression", "")):
            assert query[2] == PLACE.stack
            for provider in ALL:
                yield Watched("TokenBroker", query[1], our_dimensions(provider))
        if metric := part.get("MetricStat", {}).get("Metric"):
            dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            yield Watched(metric["Namespace"], metric["MetricName"], dimensions)


def period(alarm: Any) -> int:
    """Return the seconds of a period, which all metrics of an alarm share."""
    parts = [part.get("MetricStat", part) for part in alarm.get("Metrics", [alarm])]
    (seconds,) = {part["Period"] for part in parts if "Period" in part}
    return int(seconds)


def value(name: str, **metrics: float | None) -> bool:
    """Return whether metrics with these values breach the alarm's threshold in one period."""
    parts = {part["Id"]: part for part in ALARMS[name]["Metrics"]}
    known: dict[str, Any] = {
        **metrics,
        "IF": lambda condition, yes, no: yes if condition else no,
        "FILL": lambda metric, filler: filler if metric is None else metric,
    }
    for number, part in parts.items():
        if "Expression" in part:
            known[number] = eval(part["Expression"].replace("AND", "and"), {"__builtins__": {}}, known)  # noqa: S307
    (result,) = [known[number] for number, part in parts.items() if part.get("ReturnData", True)]
    return bool(result > ALARMS[name]["Threshold"])


@each_alarm
def test_an_alarm_watches_metrics_that_the_code_counts_or_of_resources_of_the_template(name: str) -> None:
    found = list(watched(ALARMS[name]))

    assert found
    for metric in found:
        match metric.space:
            case "TokenBroker":
                assert metric.dimensions == our_dimensions(metric.dimensions["provider"])
                assert is_counted(metric.name, metric.dimensions["provider"])
            case "AWS/ApiGateway":
                assert (metric.name in {"5XXError", "Count", "Latency"}, metric.dimensions) == (True, OF_THE_API)
            case "AWS/Usage":
                assert (metric.name, metric.dimensions) == ("ResourceCount", OF_THE_ACCOUNT)
            case _:
                names, kinds = OF_AWS[metric.space]
                assert metric.name in names
                assert all(named in resources(kinds[each]) for each, named in metric.dimensions.items())


@each_alarm
def test_an_alarms_expression_and_window_are_within_the_limits_of_cloudwatch(name: str) -> None:
    alarm = ALARMS[name]
    parts = alarm.get("Metrics", [])
    expressions = " ".join(str(part["Expression"]) for part in parts if "Expression" in part)
    seconds = period(alarm) * alarm["EvaluationPeriods"]

    assert seconds <= (7 * DAY if period(alarm) >= 3600 else DAY)
    assert "SELECT" not in expressions or seconds <= 3 * 3600
    assert len([part for part in parts if "MetricStat" in part]) <= 10
    if parts:
        assert len([part for part in parts if part.get("ReturnData", True)]) == 1
        words = set(re.findall(r"\b[a-z]\w*", expressions)) if "SELECT" not in expressions else set()
        assert words <= {part["Id"] for part in parts}


@each_alarm
def test_a_merchants_fault_is_a_ticket_that_is_told_once_and_all_else_goes_to_the_operators(name: str) -> None:
    alarm = ALARMS[name]

    if name in REPEATED:
        assert (alarm["AlarmActions"], alarm.get("OKActions")) == (TICKET_TOPIC, None)
        assert alarm["DatapointsToAlarm"] == 1
        assert period(alarm) * alarm["EvaluationPeriods"] > REPEATED[name] + SLACK
    else:
        assert (alarm["AlarmActions"], alarm["OKActions"]) == (ALARM_TOPIC, ALARM_TOPIC)


def test_without_topics_alarms_are_only_shown() -> None:
    for topic in ("AlarmTopic", "TicketTopic"):
        assert transformed()["Parameters"][f"{topic}Arn"]["Default"] == ""
        equals = {"Fn::Equals": [{"Ref": f"{topic}Arn"}, ""]}
        assert transformed()["Conditions"][f"With{topic}"] == {"Fn::Not": [equals]}


def test_only_a_dispatcher_that_should_run_is_missed_and_not_before_its_first_run() -> None:
    """An alarm begins with insufficient data, and notifies when its state changes."""
    silent = [name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] != "notBreaching"]
    alarm = ALARMS["DispatchStalledAlarm"]

    assert silent == ["DispatchStalledAlarm"]
    assert (alarm["TreatMissingData"], alarm["InsufficientDataActions"]) == ("missing", ALARM_TOPIC)
    assert alarm["ActionsEnabled"] == {"Fn::If": ["Dispatching", True, False]}
    assert transformed()["Conditions"]["Dispatching"] == {"Fn::Equals": [{"Ref": "DispatchState"}, "ENABLED"]}


@pytest.mark.parametrize(
    ("rejected", "known", "calls", "rings"),
    [
        pytest.param(21, None, 100, True, id="many"),
        pytest.param(20, None, 20, False, id="few"),
        pytest.param(21, None, 105, False, id="a fifth"),
        pytest.param(400, 390, 20, False, id="one merchant without a call"),
    ],
)
def test_credentials_of_many_merchants_ring(rejected: int, known: int | None, calls: int, *, rings: bool) -> None:
    for provider in PROVIDERS:
        name = f"{provider.capitalize()}ManyRejectionsAlarm"
        assert value(name, rejected=rejected, known=known, calls=calls) is rings
        ours = [(each.name, each.dimensions["provider"]) for each in watched(ALARMS[name])]
        names = ("CredentialsRejected", "Failures.reauthorization_required", "ProviderCalls")
        assert ours == [(each, provider) for each in names]


@pytest.mark.parametrize(
    ("requests", "errors", "rings"), [(21, 1, True), (20, 20, False), (1000, 11, True), (1000, 10, False)]
)
def test_one_percent_of_server_errors_rings(requests: int, errors: int, *, rings: bool) -> None:
    assert value("ApiServerErrorsAlarm", requests=requests, errors=errors) is rings


def test_every_alarm_has_its_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs/how-to/runbook.md").read_text()
    headings = set(re.findall(r"^## (\S+Alarm)$", runbook, re.MULTILINE))
    for general in [heading for heading in headings if "{Provider}" in heading]:
        headings |= {general.replace("{Provider}", provider.capitalize()) for provider in PROVIDERS}

    assert {heading for heading in headings if "{" not in heading} == set(ALARMS)


@each_alarm
def test_an_alarms_description_links_to_its_section_of_the_runbook(name: str) -> None:
    description = plain(ALARMS[name]["AlarmDescription"], DocumentationUrl="https://docs.example/v1")
    page, anchor = description.rpartition(" See https://docs.example/v1/")[2].split("#")
    (section,) = [
        heading
        for heading in re.findall(r"^#+ (.+)$", (ROOT / "docs" / page).read_text(), re.MULTILINE)
        if re.sub(r"[{}]", "", heading).lower() == anchor
    ]

    assert name in {section.replace("{Provider}", provider.capitalize()) for provider in PROVIDERS}
