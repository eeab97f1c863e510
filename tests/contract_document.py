"""Responses compared with docs/reference/openapi.yaml."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from reference_pages.contract import Operation, document, operations, resolved

#: What API Gateway answers for a method and path that are no route, by status.
UNKNOWN_ROUTE = {401: "Unsigned", 403: "Forbidden", 404: "UnknownRoute"}
#: Headers of the connection, of API Gateway and of the local AWS. No program relies on them.
_TRANSPORT = re.compile(r"content-type|content-length|connection|date|server|via|x-amz.*", re.IGNORECASE)

type Schema = Any


def closed(schema: Schema, *, member: bool = True) -> Schema:
    """Return the schema in which each object has the described members and no others.

    `member` is False for a part of another schema, whose members that schema counts.
    """
    if not isinstance(schema, dict) or "$id" in (schema := resolved(schema)):
        return schema  # a schema of its own is closed already
    found = dict(schema)
    for name in {"allOf", "anyOf", "oneOf"} & found.keys():
        found[name] = [closed(each, member=False) for each in found[name]]
    if "properties" in found:
        found["properties"] = {name: closed(each) for name, each in found["properties"].items()}
    if "items" in found:
        found["items"] = closed(found["items"])
    return found | {"unevaluatedProperties": False} if member else found


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Read a pattern as JSON Schema does, where `$` is the very end. In Python it is also before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$(?=$|\))", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def operation_at(method: str, path: str) -> Operation | None:
    """Return the operation of a request, or None if there is none. `path` follows the API's address."""
    plain = path.partition("?")[0]
    for each in operations().values():
        if each.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each.path), plain):
            return each
    return None


def check_response(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | str) -> None:
    """Raise AssertionError if the document does not have the response's status, header or member, or lacks one.

    A preflight is left out: the document says in words how API Gateway answers it.
    """
    if method == "OPTIONS":
        return
    operation = operation_at(method, path)
    where = f"{method} {path.partition('?')[0]} {status}"
    known = UNKNOWN_ROUTE if operation is None else operation.responses
    assert status in known, f"{where}: the document has no such {'route' if operation is None else 'status'}"
    described = _described(operation and operation.described["operationId"], status)
    given = {name.lower(): value for name, value in headers.items()}
    _check_headers(where, {name.lower(): resolved(each) for name, each in described["headers"].items()}, given)
    if "content" not in described:
        assert not body, f"{where}: there is a body"
        return
    ((kind, schema),) = described["content"].items()
    assert given.get("content-type") == kind, f"{where}: the content type is {given.get('content-type')}"
    _check(f"{where}: the body", schema, json.loads(body))


@cache
def _described(operation_id: str | None, status: int) -> dict[str, Any]:
    """Return a response's headers, and the closed schema of each of its kinds of content."""
    if operation_id is None:
        found = document()["components"]["responses"][UNKNOWN_ROUTE[status]]
    else:
        found = operations()[operation_id].responses[status]
    content = {kind: closed(media["schema"]) for kind, media in found.get("content", {}).items()}
    return {"headers": found["headers"]} | ({"content": content} if content else {})


def _check_headers(where: str, described: Mapping[str, Any], given: Mapping[str, str]) -> None:
    missing = {name for name, each in described.items() if each.get("required")} - given.keys()
    unknown = {name for name in given if name not in described and not _TRANSPORT.fullmatch(name)}
    assert not missing, f"{where}: headers are missing: {sorted(missing)}"
    assert not unknown, f"{where}: the document has no such headers: {sorted(unknown)}"
    for name in described.keys() & given.keys():
        schema = resolved(described[name]["schema"])
        number = schema["type"] == "integer" and given[name].isdecimal()
        _check(f"{where}: the header {name}", schema, int(given[name]) if number else given[name])


def _check(what: str, schema: Schema, value: Any) -> None:
    """Say where the value differs, and never show a value, since it can be a token's."""
    wrong = [f"{each.json_path} ({each.validator})" for each in Validator(schema).iter_errors(value)]
    members = sorted(value) if isinstance(value, dict) else type(value).__name__
    assert not wrong, f"{what} differs at {', '.join(wrong)}; its members: {members}"


def check_schema(name: str, value: Any) -> None:
    """Raise AssertionError if the value has a member more or less than the document's schema of this name."""
    _check(name, closed(document()["components"]["schemas"][name]), value)
