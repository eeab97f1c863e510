"""Read JSON objects into data classes, each member with its type."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, NamedTuple, Self, Union, cast, get_args, get_origin, get_type_hints

from token_broker_client.errors import MalformedAnswer


def named(member: str) -> dict[str, str]:
    """Return the metadata of a field whose member has another name than the field."""
    return {"member": member}


@dataclass(frozen=True, kw_only=True)
class Model:
    """Hold a JSON object. A field's member has its name in camel case.

    A field that can be None may be null or absent. `extra` has the members that this version does not know.
    """

    extra: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def from_json(cls, body: Any, **more: Any) -> Self:
        """Return the object that the body describes. `more` are fields that it does not have.

        Raises `MalformedAnswer` if a member is missing or of another type.
        """
        if not isinstance(body, Mapping):
            raise MalformedAnswer(f"A {cls.__name__} must be a JSON object.")
        members = cast("Mapping[str, Any]", body)
        described = [each for each in _members(cls) if each.attribute not in more]  # type: ignore[arg-type]  # a class has a hash
        values = {
            each.attribute: _value(each.type, members.get(each.name), f"{cls.__name__}.{each.name}")
            for each in described
        }
        known = {each.name for each in described}
        return cls(**values, **more, extra={name: value for name, value in members.items() if name not in known})


class _Member(NamedTuple):
    attribute: str
    name: str
    type: Any


@cache
def _members(kind: Any) -> tuple[_Member, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _Member(each.name, each.metadata.get("member", _camel_case(each.name)), hints[each.name])
        for each in fields(kind)
        if each.name != "extra"
    )


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _value(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _value(get_args(kind)[0], value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(get_args(kind)[0], each, where) for each in cast("Any", value))
    if origin is Mapping and isinstance(value, dict):
        return cast("Mapping[str, Any]", value)
    if kind in (str, int, bool) and type(value) is kind:
        return value
    if isinstance(kind, type) and issubclass(kind, Model):
        return kind.from_json(value)
    raise MalformedAnswer(f"{where} is missing or has another type than expected.")
