"""The token table as `template.yaml` defines it, for clients that make tables themselves."""

from typing import Any

from tests.template_as_written import template

_CREATED_WITH = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def table_definition() -> dict[str, Any]:
    """Return the arguments of `create_table` for the template's table."""
    properties = template()["Resources"]["TokenTable"]["Properties"]
    return {name: properties[name] for name in _CREATED_WITH}
