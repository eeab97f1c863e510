"""template.yaml as its author wrote it, for the tests that compare it with something else."""

from functools import cache
from pathlib import Path
from typing import Any

from sandbox.stack.template import load_template

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


@cache
def template() -> dict[str, Any]:
    """Return the template with the short forms (`!Ref X`) as what they hold. Do not change it."""
    return load_template(TEMPLATE)


def table_definition() -> dict[str, Any]:
    """Return the arguments of `create_table` for the template's table, for clients that make tables themselves."""
    properties = template()["Resources"]["TokenTable"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in names}
