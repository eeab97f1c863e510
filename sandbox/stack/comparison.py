"""Compare two versions of template.yaml as CloudFormation gets them: `python -m sandbox.stack.comparison COMMIT`.

It prints which permissions a role gained or lost, then every other difference by its path.
"""

import json
import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.settings import PROJECT
from sandbox.stack.expansion import transform

TEMPLATE = PROJECT / "template.yaml"
_ABSENT = object()


def _stable(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template without the digests that SAM adds to the names of deployments and layers."""
    text = re.sub(r"\b(ApiDeployment|TokenBrokerLayer)[0-9a-f]{10}\b", r"\1", json.dumps(template))
    text = re.sub(r"(RestApi deployment id: )[0-9a-f]+", r"\1", text)
    stable: dict[str, Any] = json.loads(text)
    return stable


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each difference between two transformed templates."""
    before, after = _permissions(old), _permissions(new)
    for role in sorted(before.keys() | after.keys()):
        for sign, which in (
            ("-", before.get(role, set()) - after.get(role, set())),
            ("+", after.get(role, set()) - before.get(role, set())),
        ):
            yield from (f"{sign} {role} may {permission}" for permission in sorted(which))
    yield from _changes(_without_policies(old), _without_policies(new), "")


def _permissions(template: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return what each role may do: one text for each action on each resource under its conditions."""
    found: dict[str, set[str]] = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            policies = resource["Properties"].get("Policies", [])
            statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
            found[name] = {permission for each in statements for permission in _of_statement(each)}
    return found


def _of_statement(statement: Mapping[str, Any]) -> Iterator[str]:
    if "Fn::If" in statement:
        condition, inner, _ = statement["Fn::If"]
        yield from (f"{permission} if {condition}" for permission in _of_statement(inner))
        return
    conditions = f" when {_text(statement['Condition'])}" if "Condition" in statement else ""
    for action in _as_list(statement["Action"]):
        for resource in _as_list(statement["Resource"]):
            yield f"{statement['Effect'].lower()} {action} on {_text(resource)}{conditions}"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _without_policies(template: Mapping[str, Any]) -> dict[str, Any]:
    resources = {
        name: {**each, "Properties": {**each["Properties"], "Policies": None}}
        if each["Type"] == "AWS::IAM::Role"
        else each
        for name, each in template["Resources"].items()
    }
    return {**template, "Resources": resources, "Mappings": None, "Metadata": None, "Transform": None}


def _changes(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _changes(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _changes(one, other, f"{path}/{place}")
    elif old != new:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = _text(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


def main() -> int:
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    commit = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "template.yaml"
        shown = subprocess.run(
            ["git", "show", f"{commit}:template.yaml"],  # noqa: S607  # the developer's own git
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if shown.returncode != 0:
            sys.stderr.write(f"There is no commit {commit} with a template.yaml. Name one that `git log` lists.\n")
            return 1
        old.write_text(shown.stdout)
        lines = list(differences(_stable(transform(old)), _stable(transform(TEMPLATE))))
    sys.stdout.write("".join(f"{line}\n" for line in lines) or f"No difference to {commit}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
