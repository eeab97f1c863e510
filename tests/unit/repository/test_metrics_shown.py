"""Alarms and dashboard use metrics that exist: ours are counted by the code, AWS's are of resources in the template."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.template_as_written import TEMPLATE
from tests.unit.repository.test_readme import codes
from tests.unit.repository.transformed import PLACE, plain, resources
from token_broker import errors, wiring
from token_broker.telemetry import PowertoolsTelemetry

LAYER = TEMPLATE.parent / "layers/token_broker/token_broker"
PROVIDERS = frozenset(wiring.PROVIDERS)
STOREFRONTS, LIFECYCLE, EVENTS = (each().name for each in (wiring.trust_policies, wiring.dispatcher, wiring.publisher))
#: Modules whose metrics are not of the providers' functions.
OTHERS = {
    "lifecycle/dispatcher": frozenset({LIFECYCLE}),
    "entrypoints/authorizer": frozenset({STOREFRONTS}),
    "lifecycle/publisher": frozenset({EVENTS}),
    "entrypoints/handler": PROVIDERS | {STOREFRONTS, LIFECYCLE, EVENTS},
    "ports/telemetry": PROVIDERS | {STOREFRONTS, LIFECYCLE, EVENTS},
    "telemetry": PROVIDERS | {STOREFRONTS, LIFECYCLE, EVENTS},
}
#: The codes that end the metrics `Failures.{code}`.
CODES = codes(errors.BrokerError).keys()


@dataclass(frozen=True)
class Counted:
    """A metric that a module counts, or a `family` of metrics that begin with its name and a dot."""

    name: str
    providers: frozenset[str]
    family: bool = False


def counted() -> Iterator[Counted]:
    """Yield every `telemetry.count(…)` in the layer, and those of the telemetry itself."""
    for path in sorted(LAYER.rglob("*.py")):
        providers = OTHERS.get(path.relative_to(LAYER).with_suffix("").as_posix(), PROVIDERS)
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "count":
                continue
            if not ast.unparse(call.func.value).endswith("self" if path == LAYER / "telemetry.py" else "telemetry"):
                continue
            match call.args[0]:
                case ast.Constant(value=str(name)):
                    yield Counted(name, providers)
                case ast.JoinedStr(values=[ast.Constant(value=str(name)), ast.FormattedValue()]) if name.endswith("."):
                    yield Counted(name.removesuffix("."), providers, family=True)
                case _:
                    raise AssertionError(f"{path.name}:{call.lineno} counts a metric without a fixed name")


@cache
def metrics() -> set[tuple[str, str]]:
    return {(each.name, provider) for each in counted() if not each.family for provider in each.providers}


@cache
def families() -> set[tuple[str, str]]:
    return {(each.name, provider) for each in counted() if each.family for provider in each.providers}


def is_counted(name: str, provider: str) -> bool:
    family, _, code = name.partition(".")
    return (name, provider) in metrics() or (
        family == "Failures" and code in CODES and (family, provider) in families()
    )


def alarms() -> dict[str, Any]:
    return {name: plain(each) for name, each in resources("AWS::CloudWatch::Alarm").items()}


def widgets() -> list[dict[str, Any]]:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(plain(dashboard["DashboardBody"]))["widgets"]
    return found


def lines() -> list[tuple[str, str, dict[str, str]]]:
    """Return each metric of the dashboard: namespace, name and dimensions."""
    found = []
    for metric in [each for widget in widgets() for each in widget["properties"]["metrics"]]:
        words = [each for each in metric if isinstance(each, str)]
        if words:
            space, name, *rest = words
            found.append((space, name, dict(zip(rest[::2], rest[1::2], strict=True))))
    return found


def searches() -> list[str]:
    metrics = [each for widget in widgets() for each in widget["properties"]["metrics"]]
    return [each[0]["expression"] for each in metrics if isinstance(each[0], dict)]


def namespaces() -> dict[str, str]:
    """Return the namespace and the service in the functions' environment."""
    settings = {
        (
            each["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"],
            plain(each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]),
        )
        for each in resources("AWS::Lambda::Function").values()
    }
    ((namespace, service),) = settings
    return {"Namespace": namespace, "service": service}


def our_dimensions(provider: str) -> dict[str, str]:
    return {"provider": provider, "service": PLACE.stack}


def test_two_stacks_in_one_account_have_different_metrics() -> None:
    assert namespaces() == {"Namespace": "TokenBroker", "service": PLACE.stack}
    settings = resources("AWS::Lambda::Function")["LifecycleMaintainFunction"]["Environment"]["Variables"]
    assert settings["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_the_telemetry_writes_these_dimensions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", namespaces()["Namespace"])
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", namespaces()["service"])
    telemetry = PowertoolsTelemetry("shopify")
    telemetry.count("TokensIssued")
    telemetry.end()

    written = json.loads(capsys.readouterr().out)
    (group,) = written["_aws"]["CloudWatchMetrics"]
    assert group["Namespace"] == "TokenBroker"
    assert {name: written[name] for name in group["Dimensions"][0]} == our_dimensions("shopify")


def test_the_counted_metrics_are_found() -> None:
    assert {("TokensIssued", "chicksx"), ("OldestDueLag", LIFECYCLE), ("ColdStart", STOREFRONTS)} <= metrics()
    assert {("Failures", "shopify"), ("ProviderErrors", "shopify"), ("Authorizer", STOREFRONTS)} <= families()
    assert is_counted("Failures.provider_rejected_credentials", "shopify")
    assert not is_counted("Failures.nothing_of_the_kind", "shopify")
    assert not is_counted("OldestDueLag", "shopify")


@pytest.mark.parametrize("name", [name for name, each in alarms().items() if each["Namespace"] == "TokenBroker"])
def test_an_alarm_is_on_a_metric_that_the_code_counts(name: str) -> None:
    alarm = alarms()[name]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}

    assert dimensions == our_dimensions(dimensions["provider"])
    assert is_counted(alarm["MetricName"], dimensions["provider"])


def test_each_provider_has_an_alarm_on_rejected_credentials() -> None:
    watched = {
        each["Dimensions"][0]["Value"] for each in alarms().values() if each["MetricName"] == "CredentialsRejected"
    }

    assert watched == PROVIDERS


def test_the_dashboard_shows_metrics_that_the_code_counts() -> None:
    ours = [(name, dimensions) for space, name, dimensions in lines() if space == "TokenBroker"]

    assert len(ours) > 20
    for name, dimensions in ours:
        assert dimensions == our_dimensions(dimensions["provider"])
        assert is_counted(name, dimensions["provider"]), name


def test_the_dashboard_searches_for_families_of_this_stack_only() -> None:
    pattern = rf"""SEARCH\('{{TokenBroker,provider,service}} service="{PLACE.stack}" MetricName=(\w+)', 'Sum', 300\)"""
    found = [re.fullmatch(pattern, each) for each in searches()]

    assert [match and match[1] for match in found] == ["Failures", "ProviderErrors", "Authorizer"]
    assert {match[1] for match in found if match} <= {name for name, _ in families()}


@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
def test_the_dashboard_shows_every_function(metric: str) -> None:
    shown = [dimensions for space, name, dimensions in lines() if (space, name) == ("AWS/Lambda", metric)]

    assert sorted(each["FunctionName"] for each in shown) == sorted(resources("AWS::Lambda::Function"))


@pytest.mark.parametrize("metric", ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"])
def test_the_dashboard_shows_every_queue(metric: str) -> None:
    shown = [dimensions for space, name, dimensions in lines() if (space, name) == ("AWS/SQS", metric)]

    assert sorted(each["QueueName"] for each in shown) == sorted(resources("AWS::SQS::Queue"))


def test_the_dashboard_shows_the_api() -> None:
    shown = {(name, tuple(sorted(each.items()))) for space, name, each in lines() if space == "AWS/ApiGateway"}
    (api,) = map(plain, resources("AWS::ApiGateway::RestApi").values())
    dimensions = (("ApiName", api["Name"]), ("Stage", "v1"))

    assert {(name, dimensions) for name in ("Count", "4XXError", "5XXError", "Latency")} <= shown
    assert {each for _, each in shown} == {dimensions}


def test_the_dashboard_shows_nothing_else_and_no_widgets_overlap() -> None:
    places = [(each["x"], each["y"]) for each in widgets()]

    assert {space for space, _, _ in lines()} == {"TokenBroker", "AWS/Lambda", "AWS/SQS", "AWS/ApiGateway"}
    assert len(set(places)) == len(places)
    assert all(each["x"] + each["width"] <= 24 for each in widgets())
    assert {each["properties"]["region"] for each in widgets()} == {PLACE.region}


def test_every_alarm_on_aws_metrics_is_on_a_resource_of_the_template() -> None:
    known: dict[str, set[str]] = {
        "AWS/Lambda": set(resources("AWS::Lambda::Function")),
        "AWS/SQS": set(resources("AWS::SQS::Queue")),
    }
    for alarm in alarms().values():
        if alarm["Namespace"] != "TokenBroker":
            (dimension,) = alarm["Dimensions"]
            assert dimension["Value"] in known[alarm["Namespace"]]
