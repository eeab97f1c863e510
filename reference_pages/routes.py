"""Make docs/reference/routes.md from the OpenAPI document."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from reference_pages.contract import FOLDER, Operation, document, operations, resolved

PAGE = FOLDER / "routes.md"
WIDTH = 130
NEW_LINE = "\n- "
PLAIN = {"integer": "A whole number", "boolean": "True or false", "null": "null", "object": "An object"}

#: Schemas that many bodies have, each with a section of its own.
SHARED = {
    "Token": "A token",
    "ListedToken": "A token of a list",
    "Transition": "A line of a history",
    "PreviewOrigin": "A preview origin",
}
#: Schemas of strings that other pages explain.
ELSEWHERE = {"Code": "A [code](errors.md#codes)", "Origin": "An [origin](trust-policy.md#origins)"}
#: What both kinds of tokens have. It is shown as the first kind.
BASE = "AnyToken"
_BEGINNING = """# Routes

For developers who call Token Broker: each route with its fields, its responses and an example.
`make pages` makes this page from [the OpenAPI document](openapi.yaml), which programs read.
[HTTP API](http-api.md) says who may call, and how requests and responses work. [Errors](errors.md) explains the codes.

`{merchant}` in a path is the operator's name for the merchant. [Limits](limits.md#requests) has its form.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_BEGINNING, *_index(), *_sections(), *_schemas()])


def _index() -> Iterator[str]:
    for tag in document()["tags"]:
        yield f"- **[{tag['name']}](#{_anchor(tag['name'])})**: {tag['description']}"
    yield "- **[Shapes](#shapes)**: the members that many bodies have.\n"


def _sections() -> Iterator[str]:
    for tag in document()["tags"]:
        yield f"## {tag['name']}\n"
        for operation in operations().values():
            if operation.described["tags"][0] == tag["name"]:
                yield from _operation(operation)


def _operation(operation: Operation) -> Iterator[str]:
    yield f"### {operation.described['summary']}\n"
    yield f"`{operation.method} {operation.path}`\n"
    if text := operation.described.get("description"):
        yield f"{text.strip()}\n"
    media = None if operation.body is None else operation.body["content"]["application/json"]
    yield from _table(("field", "in", "required", "value"), [*_parameters(operation), *_body_fields(media)])
    if media is not None:
        if "$id" in resolved(media["schema"]):
            yield "The body is [a trust policy](trust-policy.md).\n"
        yield from _example(media)
    yield from _responses(operation)


def _parameters(operation: Operation) -> Iterator[tuple[str, ...]]:
    for each in operation.parameters:
        if each["name"] != "merchant":
            shown = _shown(each["schema"], each["description"])
            yield f"`{each['name']}`", each["in"], _yes(each.get("required", False)), shown


def _body_fields(media: dict[str, Any] | None) -> Iterator[tuple[str, ...]]:
    schema = {} if media is None else resolved(media["schema"])
    if "$id" not in schema:
        for name, each in schema.get("properties", {}).items():
            yield f"`{name}`", "body", _yes(name in schema.get("required", [])), _shown(each)


def _responses(operation: Operation) -> Iterator[str]:
    for status, response in sorted(operation.responses.items()):
        if status < 400:
            yield f"**{status}** {' '.join(response['description'].split())}\n"
            if media := response.get("content", {}).get("application/json"):
                yield from _example(media, operation.function.partition("/")[0])
                yield from _members(media["schema"])
    yield f"Errors: [those of every route](#errors-of-every-route){_listed(_failures(operation) - _common(), ', ')}.\n"


def _failures(operation: Operation) -> set[tuple[int, str]]:
    """Return the status and the code of each error."""
    failures = {status: each for status, each in operation.responses.items() if status >= 400}
    return {(status, code) for status, each in failures.items() for code in _codes(each)}


@cache
def _common() -> set[tuple[int, str]]:
    """Return the errors that every operation has."""
    return set.intersection(*(_failures(each) for each in operations().values()))


def _listed(failures: set[tuple[int, str]], before: str = "") -> str:
    """Return the codes of each status."""
    statuses = sorted({status for status, _ in failures})
    groups = {status: sorted(f"`{code}`" for its, code in failures if its == status) for status in statuses}
    return "".join(f"{before}{status} {', '.join(codes)}" for status, codes in groups.items())


def _codes(response: dict[str, Any]) -> list[str]:
    codes: list[str] = response["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"]
    return codes


def _schemas() -> Iterator[str]:
    yield "## Shapes\n"
    for name, title in SHARED.items():
        schema = document()["components"]["schemas"][name]
        yield f"### {title}\n"
        yield f"{schema['description'].strip()}\n"
        yield from _own_members(schema)
    yield "### Errors of every route\n"
    yield f"{_listed(_common(), NEW_LINE).strip()}\n"


def _members(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the table of a body's members, or a link to it."""
    name = _name(schema)
    if name in SHARED:
        yield f"It is {_link(name)}.\n"
        return
    if name == "StoredTrustPolicy":
        yield "It is [a trust policy](trust-policy.md).\n"
        return
    yield from _own_members(document()["components"]["schemas"].get(name, schema))


def _own_members(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the table of a schema's members, without those of the kind of token that it is made from."""
    base = {BASE: "Token"}.get(_name(schema), _name(schema))
    if base in SHARED and schema is not document()["components"]["schemas"]["Token"]:
        yield f"It has the members of {_link(base)}, and these:\n"
        schema = {name: value for name, value in schema.items() if name != "$ref"}
    yield from _table(("member", "always", "value"), list(_rows(schema)))


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _link(name: str) -> str:
    return f"[{SHARED[name][0].lower()}{SHARED[name][1:]}](#{_anchor(SHARED[name])})"


def _rows(schema: dict[str, Any], before: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield a row for each member, also for the members of its objects."""
    schema = resolved(schema)
    for part in schema.get("allOf", []):
        yield from _rows(part, before)
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        yield f"`{before}{name}`", _yes(name in required), _shown(each)
        if "$ref" not in each:
            yield from _rows(each, f"{before}{name}.")


def _shown(schema: dict[str, Any], description: str = "") -> str:
    """Return the kind of a value, its limits and what it means."""
    known = resolved(schema)
    said = " ".join((description or known.get("description", "")).split())
    default = known.get("default")
    parts = [f"{_kind(schema)}.", said, "" if default is None else f"The default is `{json.dumps(default)}`."]
    return " ".join(part for part in parts if part).replace("|", "\\|")


def _kind(schema: dict[str, Any]) -> str:
    name = _name(schema)
    if name in SHARED:
        return _link(name)
    known = resolved(schema)
    if "const" in known:
        return f"`{json.dumps(known['const'])}`"
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    if "enum" in known:
        return "One of " + ", ".join(f"`{each}`" for each in known["enum"])
    if choices := known.get("oneOf", known.get("anyOf")):
        return _either(_kind(each) for each in choices)
    kinds = [known["type"]] if isinstance(known["type"], str) else known["type"]
    return _either(_one_kind(kind, known, named=name.startswith("Text")) for kind in kinds)


def _either(kinds: Iterable[str]) -> str:
    first, *others = kinds
    return ", or ".join([first, *(f"{each[0].lower()}{each[1:]}" for each in others)])


def _one_kind(kind: str, known: dict[str, Any], *, named: bool) -> str:
    match kind:
        case "string" if named:
            return f"Text of 1 to {known['maxLength']} characters, not blank and without control characters"
        case "string":
            longest = f" of at most {known['maxLength']} characters" if "maxLength" in known else ""
            return f"Text{longest}" + (f" that matches `{known['pattern']}`" if "pattern" in known else "")
        case "integer" if "maximum" in known:
            return f"A whole number from {known['minimum']} to {known['maximum']}"
        case "array":
            limit = f"at most {known['maxItems']} items: " if "maxItems" in known else ""
            items = _kind(known["items"])
            return f"A list of {limit}{items[0].lower()}{items[1:]}"
        case _:
            return PLAIN[kind]


def _example(media: dict[str, Any], name: str = "") -> Iterator[str]:
    """Yield the example, or of several the one with the name, else the first."""
    values = {each: given["value"] for each, given in media.get("examples", {}).items()}
    value = media["example"] if "example" in media else values.get(name, next(iter(values.values())))
    yield "```json"
    yield from _wrapped(json.dumps(value, ensure_ascii=False))
    yield "```\n"


def _wrapped(text: str) -> list[str]:
    """Return the lines of a JSON text, which are broken between values only."""
    kept = re.sub(r'"[^"]*"(: )?', lambda string: string[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(kept, WIDTH, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield f"| {' | '.join(heads)} |"
        yield "|" + "---|" * len(heads)
        yield from (f"| {' | '.join(row)} |" for row in rows)
        yield ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")
