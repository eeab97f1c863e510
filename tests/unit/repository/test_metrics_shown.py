"""The dashboard uses metrics that exist: ours are counted by the code, AWS's are of resources in the template."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import token_broker
from tests.unit.repository.pages import rows
from tests.unit.repository.test_pages import codes
from tests.unit.repository.transformed import PLACE, plain, resources
from token_broker import errors, telemetry, wiring
from token_broker.entrypoints import authorizer, handler
from token_broker.lifecycle import dispatcher, publisher
from token_broker.ports import telemetry as port

PROVIDERS = frozenset(wiring.PROVIDERS)
STOREFRONTS, LIFECYCLE, EVENTS = (each().name for each in (wiring.trust_policies, wiring.dispatcher, wiring.publisher))
ALL = PROVIDERS | {STOREFRONTS, LIFECYCLE, EVENTS}
#: The functions whose metrics a module counts, by its file, where they are not the providers'.
OTHERS = {
    str(module.__file__): names
    for module, names in (
        (dispatcher, frozenset({LIFECYCLE})),
        (authorizer, frozenset({STOREFRONTS})),
        (publisher, frozenset({EVENTS})),
        *((module, ALL) for module in (handler, port, telemetry)),
    )
}
#: The codes that end the metrics `Failures.{code}`.
CODES = codes(errors.BrokerError).keys()
#: The decisions that end the metrics `Authorizer.{decision}`.
DECISIONS = {"allow", "deny", "unauthorized", "none"}


class Counted(NamedTuple):
    """A metric that a module counts, or a `family` of metrics that begin with its name and a dot."""

    name: str
    provider: str
    family: bool = False


def calls(path: Path) -> Iterator[ast.expr]:
    """Yield what each `telemetry.count(…)` of a file counts. The telemetry itself counts, too."""
    receiver = "self.count" if str(path) == telemetry.__file__ else "telemetry.count"
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(receiver):
            yield call.args[0]


@cache
def counted() -> set[Counted]:
    found = set()
    for path in Path(token_broker.__path__[0]).rglob("*.py"):
        for metric in calls(path):
            match metric:
                case ast.Constant(value=str(name)):
                    family = False
                case ast.JoinedStr(values=[ast.Constant(value=str(name)), ast.FormattedValue()]) if name.endswith("."):
                    family = True
                case _:
                    raise AssertionError(f"{path}:{metric.lineno} counts a metric without a fixed name")
            providers = OTHERS.get(str(path), PROVIDERS)
            found |= {Counted(name.removesuffix("."), provider, family) for provider in providers}
    return found


def is_counted(name: str, provider: str) -> bool:
    family, _, code = name.partition(".")
    known = code in {"Failures": CODES, "Authorizer": DECISIONS}.get(family, ())
    return Counted(name, provider) in counted() or (known and Counted(family, provider, family=True) in counted())


def widgets() -> list[dict[str, Any]]:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(plain(dashboard["DashboardBody"]))["widgets"]
    return found


def lines() -> list[tuple[str, str, dict[str, str]]]:
    """Return each metric of the dashboard: namespace, name and dimensions."""
    found, words = [], list[str]()
    for metric in [each for widget in widgets() for each in widget["properties"]["metrics"]]:
        before, words = words, [each for each in metric if isinstance(each, str)]
        if words and words[0] == "...":
            words = [*before[:-1], words[1]]
        if words:
            space, name, *rest = words
            found.append((space, name, dict(zip(rest[::2], rest[1::2], strict=True))))
    return found


def our_dimensions(provider: str) -> dict[str, str]:
    return {"provider": provider, "service": PLACE.stack}


def test_two_stacks_in_one_account_have_different_metrics() -> None:
    for function in resources("AWS::Lambda::Function").values():
        settings = function["Environment"]["Variables"]
        assert settings["POWERTOOLS_METRICS_NAMESPACE"] == "TokenBroker"
        assert settings["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_the_counted_metrics_are_found() -> None:
    assert {Counted("TokensIssued", "chicksx"), Counted("Authorizer", STOREFRONTS, family=True)} <= counted()
    assert {is_counted("OldestDueLag", LIFECYCLE), is_counted("ColdStart", STOREFRONTS)} == {True}
    assert is_counted("Failures.provider_rejected_credentials", "shopify")
    assert not is_counted("Failures.nothing_of_the_kind", "shopify")
    assert all(f'"{decision}"' in inspect.getsource(authorizer) for decision in DECISIONS)
    assert not is_counted("OldestDueLag", "shopify")


def test_the_table_of_metrics_has_every_metric_that_the_code_counts() -> None:
    names = [name for row in rows("docs/reference/alarms.md", "Metrics") for name in re.findall(r"`([^`]+)`", row[0])]
    expected = {(each.name, each.family) for each in counted()}

    assert {(re.sub(r"\.\{\w+\}$", "", name), "." in name) for name in names} == expected
    assert len(names) == len(expected)


def test_the_dashboard_shows_metrics_that_the_code_counts() -> None:
    ours = [(name, dimensions) for space, name, dimensions in lines() if space == "TokenBroker"]

    assert len(ours) > 20
    for name, dimensions in ours:
        assert dimensions == our_dimensions(dimensions["provider"])
        assert is_counted(name, dimensions["provider"]), name


def test_the_dashboard_searches_for_families_of_this_stack_only() -> None:
    pattern = rf"""SEARCH\('{{TokenBroker,provider,service}} service="{PLACE.stack}" MetricName=(\w+)', 'Sum', 300\)"""
    metrics = [each for widget in widgets() for each in widget["properties"]["metrics"]]
    found = [re.fullmatch(pattern, each[0]["expression"]) for each in metrics if isinstance(each[0], dict)]

    assert [match and match[1] for match in found] == ["Failures", "StorageForbidden", "ProviderErrors", "Authorizer"]
    assert {match[1] for match in found if match} <= {each.name for each in counted()}


@pytest.mark.parametrize(
    ("space", "metrics", "kind", "dimension"),
    [
        ("AWS/Lambda", ("Errors", "Throttles", "Duration"), "AWS::Lambda::Function", "FunctionName"),
        (
            "AWS/SQS",
            ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"),
            "AWS::SQS::Queue",
            "QueueName",
        ),
    ],
)
def test_the_dashboard_shows_every_function_and_queue(
    space: str, metrics: tuple[str, ...], kind: str, dimension: str
) -> None:
    for metric in metrics:
        shown = [dimensions[dimension] for of, name, dimensions in lines() if (of, name) == (space, metric)]
        assert sorted(shown) == sorted(resources(kind))


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
