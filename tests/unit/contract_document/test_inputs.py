"""The document has the fields that the functions accept, and its schemas accept what the rules accept."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reference_pages.contract import Operation, operations, resolved
from tests.contract_document import Validator, closed
from tests.unit.loading import load
from token_broker.domain import fields
from token_broker.entrypoints.inputs import MerchantInput, Source, sources
from token_broker.errors import InvalidRequest
from token_broker.providers.shopify.client import Shopify
from token_broker.storefronts import addresses

LENGTHS = (62, 63, 64, 100, 101, 128, 129, 150, 151, 255, 256, 257)
TEXTS = [
    *("", " ", "\t", "\u3000", "\u00a0", "a\nb", "a\n", "a\x00", "\x7f", "a\x85", "a\u2028", "a\u200b", "\ud800"),
    *("a", "-a", "a-", "Acme", "acme", "a b", "a/b", "a#b", "%41", "größe", "日本", "😀" * 256),
    *("a" * length for length in LENGTHS),
    *("0", "1", "01", "-1", "1.0", "9" * 20, "9" * 21, "true", "false", "True", "null", "max-age=0, no-cache"),
    *("*", "**", " * ", "3", '"3"', '"3', 'W/"3"', 'w/"3"', '""', f'"{"a" * 254}"', f'"{"a" * 255}"'),
    *("https://shop.example", "https://shop.example/", "https://Shop.example", "http://shop.example", "null"),
    *("http://localhost:3000", "https://shop.example:443", "https://*.example", f"https://{'a.' * 60}a"),
    *('"3", "4"', '"a,b"', '"3",', ',"3"', '"3" "4"', '"a b"'),
]
NUMBERS = [
    0,
    1,
    -1,
    7,
    365,
    366,
    3599,
    3600,
    1_209_600,
    1_209_601,
    3650,
    3651,
    1.0,
    1.5,
    3600.0,
    10**255,
    10**256,
    -(10**254),
    -(10**255),
]
LISTS = [[], ["a"], ["a", "a"], ["a"] * 50, ["a"] * 51, ["a b"], [""], ["a" * 100], ["a" * 101], ["ü"], [1], [None]]
VALUES: list[Any] = [*TEXTS, *NUMBERS, *LISTS, None, True, False, {}, {"a": 1}]
HALF = "half of a surrogate pair, which is no text: strict JSON and percent-encoded UTF-8 do not have it"
POINT = "a whole number with a decimal point, which JSON Schema takes for an integer"
LONG = "a number of more than 256 characters"
#: What a schema accepts and the rule refuses, with the reason: JSON Schema has no words for it.
EXCEPTIONS: dict[str, dict[str, list[Any]]] = {
    **{name: {HALF: ["\ud800"]} for name in ("sessionId", "title", "confirm")},
    "orderId": {HALF: ["\ud800"], POINT: [1.0, 3600.0], LONG: [10**256, -(10**255)]},
    "maxAgeDays": {POINT: [1.0, 3600.0]},
    "overlapDays": {POINT: [1.0]},
    "expiresIn": {POINT: [3600.0]},
}
#: The paths of pages and clients, whose headers give no field. `If-None-Match` is compared with the response.
PUBLIC = ("/storefront/", "/clients/")
PUBLIC_HEADERS = [("header", "if-none-match")]


def accepted(operation: Operation) -> list[Source]:
    """Return the fields that the operation's function takes from a request."""
    kind = load(operation.function).accepts  # type: ignore[attr-defined]
    public = operation.path.startswith(PUBLIC)
    return [each for each in sources(kind).values() if not (public and each.location == "header")]


def key(source: Source) -> tuple[str, str]:
    return source.location, source.header or source.name


def body_schema(operation: Operation) -> dict[str, Any]:
    body = operation.body
    return {} if body is None else resolved(body["content"]["application/json"]["schema"])


def documented(operation: Operation) -> dict[tuple[str, str], tuple[dict[str, Any], bool]]:
    """Return the schema of each field, and whether it is required."""
    schema = body_schema(operation)
    found = {
        (each["in"], each["name"].lower() if each["in"] == "header" else each["name"]): (
            closed(each["schema"]),
            each.get("required", False),
        )
        for each in operation.parameters
    }
    members = {name: ({} if "$id" in schema else closed(each)) for name, each in schema.get("properties", {}).items()}
    required = schema.get("required", [])
    return found | {("body", name): (each, name in required) for name, each in members.items()}


by_operation = pytest.mark.parametrize("operation", operations().values(), ids=list(operations()))


@by_operation
def test_the_fields_are_those_of_the_function(operation: Operation) -> None:
    named = documented(operation)
    beside = PUBLIC_HEADERS if (operation.path.startswith(PUBLIC) and operation.method == "GET") else []
    expected = {key(each): each.default is not _default_of_merchant() for each in accepted(operation)}

    assert {name: required for name, (_, required) in named.items()} == {
        **{name: not optional for name, optional in expected.items()},
        **dict.fromkeys(beside, False),
    }


def _default_of_merchant() -> object:
    """Return what a field without a default has in its place: a merchant must be given."""
    return sources(MerchantInput)["merchant"].default


@by_operation
def test_a_body_is_needed_if_a_field_of_it_is_and_takes_no_other_field(operation: Operation) -> None:
    inside = [each for each in accepted(operation) if each.location == "body"]
    body = operation.body

    assert (body is None) == (not inside)
    if body is not None:
        assert body_schema(operation)["additionalProperties"] is False
        assert body.get("required", False) == any(each.default is _default_of_merchant() for each in inside)


def pairs() -> Iterator[tuple[str, Operation, Source]]:
    """Yield each field of each operation. The storefronts' tests compare a trust policy's members with their parser."""
    for name, operation in operations().items():
        for source in accepted(operation):
            if source.location != "body" or "$id" not in body_schema(operation):
                yield f"{name} {source.name}", operation, source


PAIRS = list(pairs())
by_field = pytest.mark.parametrize(
    ("operation", "source"), [each[1:] for each in PAIRS], ids=[each[0] for each in PAIRS]
)


@by_field
def test_a_default_is_the_functions(operation: Operation, source: Source) -> None:
    schema, required = documented(operation)[key(source)]

    if not required and source.location in ("body", "query"):
        assert schema.get("default") == source.default


@by_field
def test_a_schema_accepts_what_the_rule_accepts(operation: Operation, source: Source) -> None:
    schema, _ = documented(operation)[key(source)]
    rule = {"tokenId": of_shopify(source.rule), "origin": addresses.origin}.get(source.name, source.rule)
    validator = Validator(schema)

    differing = [
        repr(value) for value in sent(source) if validator.is_valid(as_sent(source, value)) is not taken(rule, value)
    ]

    exceptions = [repr(value) for values in EXCEPTIONS.get(source.name, {}).values() for value in values]
    assert sorted(differing) == sorted(exceptions)


def sent(source: Source) -> list[Any]:
    """Return the values that a request can have there."""
    if source.location == "body":
        return VALUES
    if source.location == "header":
        return [each for each in TEXTS if each.isascii() and each.isprintable() and each == each.strip()]
    return TEXTS


def as_sent(source: Source, value: Any) -> Any:
    """Return the value as the schema sees it. A query has texts only, also for true and false."""
    return {"true": True, "false": False}.get(value, value) if source.location == "query" else value


def taken(rule: fields.Rule, value: Any) -> bool:
    try:
        rule(value)
    except (ValueError, InvalidRequest):
        return False
    return True


def of_shopify(rule: fields.Rule) -> Callable[[Any], None]:
    """Return the rule for an id with the check of the provider that has it."""
    return lambda value: Shopify.check_token_id(None, rule(value))  # type: ignore[arg-type]  # it reads no attribute


def test_every_exception_is_of_a_field() -> None:
    assert EXCEPTIONS.keys() <= {source.name for _, _, source in PAIRS}
