"""The tables of the reference say what the code and the template say."""

import importlib
import json
import re
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.expected_functions import FUNCTIONS
from tests.fakes.samples import token
from tests.fakes.telemetry import RecordingTelemetry
from tests.template_as_written import template
from tests.unit.repository.pages import ROOT, cells, rows
from tests.unit.repository.test_alarms import ALARMS, REPEATED, period, watched
from tests.unit.repository.transformed import plain
from token_broker import wiring
from token_broker.aws.store import outbox_items, records
from token_broker.domain import fields
from token_broker.entrypoints import inputs
from token_broker.entrypoints.sqs import SqsMessage
from token_broker.errors import InvalidRequest

SECONDS = {"s": 1, "seconds": 1, "min": 60, "minute": 60, "h": 3600, "days": 86400}


def figure(text: str) -> float:
    """Return a cell's last number, with its unit: `1 to 5` is 5, `16 KB` is 16384, `2 min` is 120, `0.5 s` is 0.5."""
    number, unit = re.findall(r"(\d+(?:\.\d+)?) ?(\w*)", text)[-1]
    return (float(number) if "." in number else int(number)) * ({"KB": 1024} | SECONDS).get(unit, 1)


def in_the_template(name: str, found: Any = None) -> Iterator[float]:
    """Yield the default of the parameter, or each value of the property, by its name."""
    for key, value in (template() if found is None else found).items():
        if key == name:
            said = value["Default"] if isinstance(value, dict) else value
            yield figure(f"{said} days" if name.endswith("Days") else str(said))
        elif isinstance(value, dict | list):
            for each in value if isinstance(value, list) else [value]:
                yield from in_the_template(name, each) if isinstance(each, dict) else ()


def in_the_code(file: str, name: str) -> Any:
    """Return the constant, or the rule of the input's field."""
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    found = importlib.import_module(module if module.startswith("proofs.") else f"token_broker.{module}")
    kind, _, field = name.partition(".")
    if found is inputs:
        return inputs.sources(getattr(inputs, kind))[field].rule
    return attrgetter(name)(found)


def accepts(rule: fields.Rule, value: Any) -> bool:
    try:
        rule(value)
    except ValueError:
        return False
    return True


NUMBERS = [
    (page, row[0], figure(row[1]), *re.fullmatch(r"`([\w/.]+)` `([\w.-]+)`", row[2]).groups())  # type: ignore[union-attr]
    for page in ("limits", "caches-and-times")
    for row in cells(f"docs/reference/{page}.md")
    if len(row) == 3 and re.search(r"\.(?:py|yaml)` ", row[2])
]


@pytest.mark.parametrize(("page", "what", "number", "file", "name"), NUMBERS)
def test_a_limit_or_a_time_is_that_of_the_code(page: str, what: str, number: int, file: str, name: str) -> None:
    if file == "template.yaml":
        assert number in in_the_template(name)
        return
    found = in_the_code(file, name)
    if not callable(found):
        assert number == found
        return
    longest, longer = (number, number + 1) if name.endswith("_days") else ("1" * number, "1" * (number + 1))
    assert (accepts(found, longest), accepts(found, longer)) == (True, False)


def test_the_times_of_the_browser_client_are_those_of_its_code() -> None:
    described = rows("docs/reference/caches-and-times.md", "The browser client")

    assert len(described) == 5
    for what, time, where in described:
        file, name = re.findall(r"`([\w.]+)`", where)
        source = (ROOT / "clients/js/src" / file).read_text()
        assert re.findall(rf"^const {name} = (\d+);", source, re.MULTILINE) == [str(figure(time))], what


def test_the_numbers_of_both_pages_are_found() -> None:
    assert len([each for each in NUMBERS if each[0] == "limits"]) > 25
    assert len([each for each in NUMBERS if each[0] == "caches-and-times"]) > 40


def test_the_tables_of_permissions_are_those_of_the_roles() -> None:
    """tests/expected_functions.py is compared with the template and with the deployed stack."""

    def code(*values: str) -> str:
        return ", ".join(f"`{value}`" for value in values) or "-"

    expected: dict[str, list[list[str]]] = {}
    for function in FUNCTIONS:
        first = function.folder.partition("/")[0]
        page = f"providers/{first}" if first in wiring.PROVIDERS else "iam"
        (actions, keys) = (function.items[0].actions, function.items[0].keys) if function.items else ((), ())
        cells_of = [code(*each) for each in (actions, keys, function.secrets, function.sessions)]
        expected.setdefault(page, []).append([f"`{function.folder}`", *cells_of])

    for page, described in expected.items():
        assert rows(f"docs/reference/{page}.md", "Permissions") == described


def test_the_table_of_queues_is_that_of_the_roles() -> None:
    expected = {}
    for function in FUNCTIONS:
        queues = [queue.name for queue in (function.takes, *function.sends) if queue is not None]
        if queues:
            expected[f"`{function.folder}`"] = queues
    described = {
        row[0]: re.findall(r"`(\w+)`", row[1]) for row in rows("docs/reference/iam.md", "Queues, stream and bus")
    }

    assert described == expected


def test_the_items_of_the_table_are_those_of_the_code() -> None:
    """The docstrings of the modules name each partition key, and below it each sort key."""
    expected, partition = set(), ""
    for line in f"{records.__doc__}\n{outbox_items.__doc__}".splitlines():
        if found := re.match(r"    (\S*#\S+|broker)(?:\s|$)", line):
            partition = found[1]
        elif found := re.match(r"        (\S+(?: \S+)*?)\s{2,}", line):
            expected.add((partition, found[1]))
    described = {tuple(cell.strip("`") for cell in row[:2]) for row in rows("docs/reference/table-layout.md", "Items")}

    assert described == expected


def test_the_attributes_of_a_token_are_those_of_the_code() -> None:
    page = "docs/reference/table-layout.md"
    described = [name for row in rows(page, "Attributes of a token") for name in re.findall(r"`(\w+)`", row[0])]

    assert sorted(described) == sorted(records.token_attributes(token()))


def test_the_members_of_a_token_are_those_of_a_response() -> None:
    described = [row[0].strip("`") for row in rows("docs/reference/token.md", "Members")]

    assert described == list(token(title="A").as_json())


def test_every_way_to_send_a_token_is_explained() -> None:
    described = {row[0].strip("`") for row in rows("docs/reference/token.md", "How to send it")}
    uses = {
        use
        for name in wiring.PROVIDERS
        for file in ROOT.glob(f"layers/token_broker/token_broker/providers/{name}/*.py")
        for use in re.findall(r'\bUse\("(\w+)"', file.read_text())
    }

    assert described >= uses > set()


def test_the_table_of_targets_is_the_makefiles() -> None:
    makefile = (ROOT / "Makefile").read_text()
    documented = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) | {"oldest-sdk"}
    described = {row[0]: row[2] for row in cells("docs/reference/make-targets.md") if len(row) == 3}

    assert {name.removeprefix("`make ").rstrip("`") for name in described} == documented
    variables = {name for cell in described.values() for name in re.findall(r"`(\w+)`", cell)}
    assert variables <= set(re.findall(r"\$\(([A-Z_]+)\)", makefile))


def test_the_table_of_outputs_is_the_templates() -> None:
    described = {
        name for row in rows("docs/reference/configuration.md", "Outputs") for name in re.findall(r"`([^`]+)`", row[0])
    }
    outputs = set(template()["Outputs"])
    functions = {f"{each.name}FunctionName" for each in FUNCTIONS if not each.decides}

    assert functions <= outputs
    assert described == (outputs - functions) | {"{Function}FunctionName"}


def test_the_table_of_alarms_says_what_the_template_says() -> None:
    described = {re.findall(r"`(\S+)`", row[0])[0]: row for row in rows("docs/reference/alarms.md", "Alarms")}
    for general in [name for name in described if "{Provider}" in name]:
        row = described.pop(general)
        described |= {general.replace("{Provider}", provider.capitalize()): row for provider in wiring.PROVIDERS}

    assert described.keys() == ALARMS.keys()
    for name, (link, metrics, threshold, periods, topic) in described.items():
        alarm = plain(ALARMS[name])
        hits = alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
        assert link.endswith("alarm)")
        assert re.findall(r"`(\S+)`", metrics) == list(dict.fromkeys(each.name for each in watched(alarm)))
        assert periods == f"{hits} of {alarm['EvaluationPeriods']} periods of {period(alarm)} s"
        assert topic == ("`TicketTopicArn`" if name in REPEATED else "`AlarmTopicArn`")
        if not threshold.startswith("more than"):
            sign = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}[alarm["ComparisonOperator"]]
            assert f"{threshold} ".startswith(f"{sign} {alarm['Threshold']} ")


# The event that an order system writes

ORDER_PLACED = json.loads((ROOT / "docs/reference/events/incoming/OrderPlaced.schema.json").read_text())
ORDER = {"merchant": "acme", "sessionId": "s-1"}


def test_the_schemas_examples_close_sessions() -> None:
    Draft202012Validator.check_schema(ORDER_PLACED)

    assert set(ORDER_PLACED["properties"]) == set(inputs.names(inputs.CloseSession))
    for example in ORDER_PLACED["examples"]:
        assert (valid(example), is_taken(example)) == (True, True)


@pytest.mark.parametrize(
    "detail",
    [
        *({**ORDER, "orderId": value} for value in (None, 1002, True, "", "o" * 256, "o" * 257, ["o"], "o\n", " ")),
        *(
            {**ORDER, "sessionId": value}
            for value in (None, 1, "", " ", "\u3000", "s" * 256, "s" * 257, "größe", "a\u2028")
        ),
        *({**ORDER, "merchant": value} for value in (None, "", "-a", "Acme", "a" * 63, "a" * 64)),
        *({name: "x" for name in ORDER if name != left_out} for left_out in ORDER),
        {**ORDER, "total": "59.00"},
    ],
    ids=repr,
)
def test_the_schema_and_the_function_take_the_same_details(detail: dict[str, Any]) -> None:
    assert valid(detail) is is_taken(detail)


def valid(detail: Any) -> bool:
    return bool(Draft202012Validator(ORDER_PLACED).is_valid(detail))


def is_taken(detail: Any) -> bool:
    given = SqsMessage({"body": json.dumps(detail)}, RecordingTelemetry()).raw_fields(inputs.CloseSession)
    try:
        inputs.read(inputs.CloseSession, given)
    except InvalidRequest:
        return False
    return True
