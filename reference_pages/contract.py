"""Read docs/reference/openapi.yaml: its operations, and what its references mean."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parents[1] / "docs/reference"
DOCUMENT = FOLDER / "openapi.yaml"


class Operation(NamedTuple):
    """One method of one path. `parameters` and `responses` have no references left at their top."""

    method: str
    path: str
    described: Mapping[str, Any]
    parameters: list[dict[str, Any]]
    responses: Mapping[int, dict[str, Any]]

    @property
    def function(self) -> str:
        """Return the folder of its function."""
        return str(self.described["x-function"])

    @property
    def body(self) -> dict[str, Any] | None:
        """Return its request body, or None if it has none."""
        return resolved(self.described["requestBody"]) if "requestBody" in self.described else None


@cache
def document() -> dict[str, Any]:
    """Return the document. Do not change it."""
    found: dict[str, Any] = yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)
    return found


@cache
def trust_policy() -> dict[str, Any]:
    """Return the schema of trust policies, to which the document refers. Do not change it."""
    found: dict[str, Any] = json.loads((FOLDER / "trust-policy.schema.json").read_text())
    return found


@cache
def operations() -> Mapping[str, Operation]:
    """Return the operations by their ids."""
    return {each.described["operationId"]: each for each in _operations()}


def _operations() -> Iterator[Operation]:
    for path, item in document()["paths"].items():
        for verb, described in item.items():
            if verb == "parameters":
                continue
            parameters = [resolved(each) for each in (*item["parameters"], *described.get("parameters", []))]
            responses = {int(status): resolved(each) for status, each in described["responses"].items()}
            yield Operation(verb.upper(), path, described, parameters, responses)


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference means. Members beside it stay, as JSON Schema wants."""
    if "$ref" not in node:
        return node
    beside = {name: value for name, value in node.items() if name != "$ref"}
    file, _, pointer = node["$ref"].partition("#/")
    found: Any = trust_policy() if file == "trust-policy.schema.json" else document()
    for name in filter(None, pointer.split("/")):
        found = found[name]
    found = resolved(found)
    return {"allOf": [found], **beside} if beside.keys() & {"properties", "required"} else {**found, **beside}
