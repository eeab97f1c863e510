"""Read template.yaml for the facts that are needed outside CloudFormation."""

from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """Load CloudFormation's short forms (`!Ref X`) as plain values."""


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
    """Return the template as plain data."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    return template


def parameter_default(template: dict[str, Any], name: str) -> str:
    """Return a parameter's default as text."""
    return str(template["Parameters"][name].get("Default", ""))


def function_id(folder: str) -> str:
    """Return the logical name of a function, such as ShopifyListTokensFunction for `shopify/list_tokens`."""
    return "".join(word.capitalize() for word in folder.replace("/", "_").split("_")) + "Function"


def function_folders(project: Path) -> list[str]:
    """Return every functions/*/* that contains a handler."""
    return sorted(str(path.parent.relative_to(project / "functions")) for path in project.glob("functions/*/*/app.py"))
