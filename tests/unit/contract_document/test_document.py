"""The document is one, each of its examples is valid, and nothing in it is left over."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from reference_pages.contract import DOCUMENT, document, operations, trust_policy
from tests.contract_document import Validator, closed


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of the document with its place."""
    if isinstance(value, dict):
        yield path, value
    for name, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, dict | list):
            yield from nodes(each, f"{path}/{name}")


def examples() -> Iterator[tuple[str, Any, Any]]:
    """Yield the place, the schema and the value of each example of a parameter or a body."""
    for path, node in nodes(document()):
        given = (
            [node["example"]] if "example" in node else [each["value"] for each in node.get("examples", {}).values()]
        )
        yield from ((path, node["schema"], value) for value in given)


EXAMPLES = list(examples())


def test_the_document_is_valid() -> None:
    validate(document(), base_uri=DOCUMENT.as_uri())


@pytest.mark.parametrize(("schema", "value"), [each[1:] for each in EXAMPLES], ids=[each[0] for each in EXAMPLES])
def test_an_example_is_valid_and_has_no_other_members(schema: Any, value: Any) -> None:
    assert [each.message for each in Validator(closed(schema)).iter_errors(value)] == []


def test_every_parameter_and_body_has_an_example() -> None:
    with_one = {path for path, _, _ in EXAMPLES}
    media = {path for path, node in nodes(document()) if "schema" in node and "/headers/" not in path}

    assert media == with_one


def test_every_component_is_used() -> None:
    text = DOCUMENT.read_text()
    used = set(re.findall(r'\$ref: "#/components/(\w+/\w+)"', text))
    there = {f"{kind}/{name}" for kind, all_of in document()["components"].items() for name in all_of}

    assert {each for each in there - used if not each.startswith("securitySchemes/")} == {"responses/UnknownRoute"}


def test_everything_that_a_reader_meets_is_described() -> None:
    for name, operation in operations().items():
        assert operation.described["summary"], name
        for described in (*operation.parameters, *operation.responses.values()):
            assert described["description"], (name, described)


def test_a_text_has_the_characters_that_a_trust_policy_takes() -> None:
    """tests/unit/storefronts compares these with the rule, for each character."""
    policy = trust_policy()["$defs"]["text"]
    text = document()["components"]["schemas"]["Text256"]

    def unescaped(pattern: str) -> str:
        return re.sub(r"\\(?:u([0-9a-f]{4})|([tnfr]))", _character, pattern)

    assert unescaped(text["pattern"]) == policy["pattern"]
    assert unescaped(text["not"]["pattern"]) == policy["not"]["pattern"]


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else {"t": "\t", "n": "\n", "f": "\f", "r": "\r"}[escape[2]]
