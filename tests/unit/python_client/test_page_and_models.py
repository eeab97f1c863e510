"""The client's reference page is made of its docstrings, and its classes have the members of the OpenAPI document."""

import inspect
import types
from collections.abc import Mapping
from typing import Any, cast, get_args, get_origin

import pytest

from reference_pages import python_client
from reference_pages.contract import document, operations, resolved
from token_broker_client import models
from token_broker_client.members import Model, _members
from token_broker_client.operations import CLIENT_OPERATIONS, OPERATIONS, STOREFRONT_OPERATIONS

#: Names that differ between the document and the client.
CLASSES: dict[str, type[Model]] = {
    **{name: getattr(models, name) for name in document()["components"]["schemas"] if hasattr(models, name)},
    "RotationUnsupported": models.UnsupportedRotation,
}
#: Members that are no part of the JSON.
BESIDE = {"RotationSettings": {"revision"}}


def test_the_page_is_not_stale() -> None:
    assert python_client.PAGE.read_text() == python_client.page(), "run make pages"


def test_each_operation_of_the_document_is_one_of_the_client() -> None:
    described = {(each.method, each.path): each.function for each in operations().values()}
    known = (*OPERATIONS.values(), *STOREFRONT_OPERATIONS.values(), *CLIENT_OPERATIONS.values())
    assert described == {(each.method, each.path): each.name for each in known}


def _flat(schema: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the members of a schema with all its parts, and the required ones."""
    found = resolved(dict(schema))
    members: dict[str, Any] = {}
    required: set[str] = set()
    for part in found.get("allOf", []):
        inherited, needed = _flat(part)
        members |= inherited
        required |= needed
    return members | found.get("properties", {}), required | set(found.get("required", []))


def _nullable(schema: Mapping[str, Any]) -> bool:
    found = resolved(dict(schema))
    return "null" in found.get("type", []) or any(_nullable(each) for each in found.get("anyOf", []))


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_members_of_its_schema(name: str) -> None:
    kind = CLASSES[name]
    described, required = _flat(document()["components"]["schemas"][name])
    fields = {
        each.name: each.type for each in _members(cast("Any", kind)) if each.attribute not in BESIDE.get(name, ())
    }
    assert fields.keys() == described.keys()
    for member, schema in described.items():
        optional = member not in required or _nullable(schema)
        union = get_origin(fields[member]) is types.UnionType
        assert (union and type(None) in get_args(fields[member])) == optional, member


def test_each_answer_is_compared() -> None:
    own = [each for each in vars(models).values() if inspect.isclass(each) and each.__module__ == models.__name__]
    named = {each.__name__ for each in own if issubclass(each, Model) and not each.__name__.startswith("_")}
    assert named - {each.__name__ for each in CLASSES.values()} == {"Use"}
