"""Plain values as DynamoDB attribute values and back. boto3's own serializer brings `decimal` and the resource layer
with it.
"""

from collections.abc import Mapping
from typing import Any

Item = dict[str, dict[str, Any]]
#: An item's partition key and sort key.
Key = tuple[str, str]


def wrap(value: Any) -> dict[str, Any]:
    """One value: str, bool, int, float, None, list, tuple or mapping."""
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
    """The members of a mapping; those that are None are left out: an attribute that is not there takes no room."""
    return {name: wrap(value) for name, value in values.items() if value is not None}


def unwrap(attribute: Mapping[str, Any]) -> Any:
    """The plain value of an attribute value."""
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
    """A whole item."""
    return {name: unwrap(attribute) for name, attribute in item.items()}
