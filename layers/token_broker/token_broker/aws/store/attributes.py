"""Translate plain values to DynamoDB's attribute values and back.

boto3's own serializer would load `decimal` and the resource layer.
"""

from collections.abc import Mapping
from typing import Any

Item = dict[str, dict[str, Any]]
#: An item's partition key and sort key.
Key = tuple[str, str]


def wrap(value: Any) -> dict[str, Any]:
    """Wrap one value: str, bool, int, float, None, list, tuple or mapping."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    if isinstance(value, Mapping):
        return {"M": wrap_all(value)}
    return {"L": [wrap(each) for each in value]}


def wrap_all(values: Mapping[str, Any]) -> Item:
    """Wrap the members of a mapping that are not None. A missing attribute takes no space."""
    return {name: wrap(value) for name, value in values.items() if value is not None}


def unwrap(attribute: Mapping[str, Any]) -> Any:
    """Return the plain value of an attribute value."""
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return int(value) if value.lstrip("-").isdigit() else float(value)
        case "M":
            return unwrap_all(value)
        case "L":
            return [unwrap(each) for each in value]
        case "NULL":
            return None
    return value


def unwrap_all(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a whole item as plain values."""
    return {name: unwrap(attribute) for name, attribute in item.items()}
