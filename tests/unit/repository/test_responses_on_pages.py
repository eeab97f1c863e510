"""The examples of single pages of the reference are real. tests/unit/contract_document has those of all responses."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.fakes.samples import token
from tests.unit.repository.pages import ROOT, blocks, rows
from token_broker.errors import MerchantNotFound

SCHEMA = json.loads((ROOT / "docs/reference/trust-policy.schema.json").read_text())


def test_the_example_of_a_token_has_its_members() -> None:
    (example,) = (json.loads(each) for each in blocks("docs/reference/token.md", "json"))

    assert example.keys() == token(title="A").as_json().keys()


def test_the_example_of_an_error_is_real() -> None:
    (example,) = (json.loads(each) for each in blocks("docs/reference/errors.md", "json"))

    assert example == MerchantNotFound(example["detail"]).problem(example["requestId"])


def test_the_example_of_a_trust_policy_is_one_and_its_members_are_explained() -> None:
    page = "docs/reference/trust-policy.md"
    (example,) = (json.loads(each) for each in blocks(page, "json"))
    Draft202012Validator(SCHEMA).validate(example)

    top = {row[0].strip("`"): row[1] == "yes" for row in rows(page, "Members")}
    proof = {row[0].strip("`"): row[1] == "yes" for row in rows(page, "Members of a proof")}
    parts = {
        f"{part}.{name}": it for part in ("sessions", "shop") for name, it in _required(SCHEMA["$defs"][part]).items()
    }
    assert top == _required(SCHEMA) | parts
    assert proof == _required(SCHEMA["$defs"]["proof"])


def _required(schema: dict[str, Any]) -> dict[str, bool]:
    return {name: name in schema["required"] for name in schema["properties"]}
