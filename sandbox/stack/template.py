"""Reading template.yaml for what must be known outside CloudFormation."""

from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """Takes CloudFormation's short forms (`!Ref X`) as plain values."""


def _short_form(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    raise TypeError(node)


_Loader.add_multi_constructor("!", _short_form)


def load_template(path: Path) -> dict[str, Any]:
    """The template as plain data."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    return template


def parameter_default(template: dict[str, Any], name: str) -> str:
    return str(template["Parameters"][name].get("Default", ""))


def function_id(folder: str) -> str:
    """`shopify/list_tokens` is ShopifyListTokensFunction in the template."""
    return "".join(word.capitalize() for word in folder.replace("/", "_").split("_")) + "Function"


def function_folders(project: Path) -> list[str]:
    """Every functions/*/* that holds a handler."""
    return sorted(str(path.parent.relative_to(project / "functions")) for path in project.glob("functions/*/*/app.py"))
