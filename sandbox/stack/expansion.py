"""Expand template.yaml as CloudFormation does: its loops, then SAM's transform, without an account or a network.

The SAM CLI's own transform fills in parameters. This one keeps `Ref` and `Fn::If`, so a test sees what depends on a
parameter. `sandbox/tests/installation/test_expansion.py` compares both.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import intrinsics_multi_constructor  # type: ignore[import-untyped]

REGION = "us-east-1"

_LOOP = "Fn::ForEach::"


class _Loader(yaml.CSafeLoader):
    """Load the short forms (`!Ref X`) as SAM does. SAM's own loader needs half a second."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


class _Session:
    """Provide what the translator reads of a boto3 session."""

    region_name = REGION


def load(path: Path) -> dict[str, Any]:
    """Return the template with the long forms of its intrinsic functions."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506  # derived from a SafeLoader
    return template


def transform(path: Path) -> dict[str, Any]:
    """Return the template with its loops expanded and its SAM resources replaced by CloudFormation's."""
    template = expand(load(path))
    template["Transform"] = "AWS::Serverless-2016-10-31"
    for resource in template["Resources"].values():
        for folder in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][folder] = "s3://artifacts/archive"
    translated = Translator({}, Parser(), boto_session=_Session()).translate(template, {})
    # The translator's own kinds of mappings do not behave like plain ones.
    result: dict[str, Any] = json.loads(json.dumps(translated))
    return result


def expand(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template without loops, and without look-ups in its mappings.

    Raises `ValueError` for a use of a loop's name that CloudFormation or the local AWS would not understand.
    """
    expanded: dict[str, Any] = _resolved(template, {}, template.get("Mappings", {}))
    return expanded


def _resolved(value: Any, names: Mapping[str, str], mappings: Mapping[str, Any]) -> Any:
    """Return the value with each loop's name replaced by its present item."""
    if isinstance(value, list):
        return [_resolved(each, names, mappings) for each in value]
    if not isinstance(value, dict):
        return _without_names(value, names)
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" and isinstance(argument, str) and argument in names:
            return names[argument]
        if function == "Fn::FindInMap":
            return _looked_up(_resolved(argument, names, mappings), mappings)
        if function == "Fn::Sub":
            return _substituted(argument, names, mappings)
    resolved: dict[str, Any] = {}
    for key, each in value.items():
        if key.startswith(_LOOP):
            name, items, body = each
            for item in _resolved(items, names, mappings):
                resolved |= _resolved(body, {**names, name: item}, mappings)
        else:
            resolved[_substitute(key, names)] = _resolved(each, names, mappings)
    return resolved


def _looked_up(path: list[Any], mappings: Mapping[str, Any]) -> Any:
    found: Any = mappings
    for key in path:
        found = found[key]
    return found


def _substituted(argument: Any, names: Mapping[str, str], mappings: Mapping[str, Any]) -> Any:
    text, own = argument if isinstance(argument, list) else (argument, {})
    own = _resolved(own, names, mappings)
    known = {name: each for name, each in own.items() if isinstance(each, str)}
    text = _substitute(text, {**names, **known})
    rest = {name: each for name, each in own.items() if name not in known}
    if "${" not in text:
        return text
    return {"Fn::Sub": [text, rest] if rest else text}


def _substitute(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda name: names.get(name[1], name[0]), text)


def _without_names(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str) and _substitute(value, names) != value:
        raise ValueError(f"{value!r} names a loop's item outside !Sub. The local AWS keeps such a text as it is.")
    return value
