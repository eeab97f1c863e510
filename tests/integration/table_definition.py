"""The token table as `template.yaml` defines it, for clients that make tables themselves."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_CREATED_WITH = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


class _CloudFormation(yaml.SafeLoader):
    """YAML in which intrinsic functions stand for nothing."""


_CloudFormation.add_multi_constructor("!", lambda _loader, _tag, _node: None)


@cache
def table_definition() -> dict[str, Any]:
    """What `create_table` takes of the template's table."""
    template = yaml.load(TEMPLATE.read_text(), _CloudFormation)  # noqa: S506  # a SafeLoader
    properties = template["Resources"]["TokenTable"]["Properties"]
    return {name: properties[name] for name in _CREATED_WITH}
