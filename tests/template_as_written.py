"""template.yaml with its loops expanded, before SAM's transform."""

from functools import cache
from pathlib import Path
from typing import Any

from sandbox.stack.expansion import expand, load

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


@cache
def template() -> dict[str, Any]:
    """Return the template. Do not change it."""
    return expand(load(TEMPLATE))


def table_definition() -> dict[str, Any]:
    """Return the arguments of `create_table` for the template's table, for clients that make tables themselves."""
    properties = template()["Resources"]["TokenTable"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in names}
