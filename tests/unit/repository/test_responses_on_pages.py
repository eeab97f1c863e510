"""The examples in the reference have the members of real responses."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.samples import minted, token
from tests.fakes.surroundings import listing_stack, one_token_stack, pair_stack, session_stack
from tests.unit.repository.pages import ROOT, blocks, rows
from token_broker.domain.rotation import RotationSettings
from token_broker.errors import MerchantNotFound
from token_broker.lifecycle.migrate import migrate
from token_broker.lifecycle.reconcile import reconcile
from token_broker.lifecycle.rotate import rotate
from token_broker.tokens.close_session import close_session
from token_broker.tokens.inventory import Finding
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.listing import list_tokens, recorded_token
from token_broker.tokens.revoke import revoke

API = "docs/reference/http-api.md"
SCHEMA = json.loads((ROOT / "docs/reference/trust-policy.schema.json").read_text())


def examples(page: str, heading: str) -> list[Any]:
    """Return the JSON examples of a section."""
    section = (ROOT / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [json.loads(each) for each in re.findall(r"^```json\n(.*?)^```", section, re.MULTILINE | re.DOTALL)]


def members(body: Any) -> Any:
    """Return the names of all members. The examples shorten two objects of a token."""
    if isinstance(body, Mapping):
        return {name: None if name in ("use", "providerData") else members(value) for name, value in body.items()}
    if isinstance(body, list) and body and isinstance(body[0], Mapping):
        return [members(each) for each in body]
    return None


def listed() -> Any:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.provider.put(minted("5"), "API Client Extension")
    return list_tokens(stack.listing_call(), "acme")


def record() -> Any:
    stack = listing_stack()
    standing = standing_token(stack.listing_call(), "acme", "App 2.1", None)
    revoke(stack.listing_call(), "acme", standing.token_id)
    return recorded_token(stack.listing_call(), "acme", standing.token_id).as_json()


def rotation() -> Any:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    return rotate(stack.call(), "acme").as_json()


def reconciliation() -> Any:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    return reconcile(stack.listing_call(), "acme", apply=True)


def migration() -> Any:
    stack = pair_stack()
    stack.secrets.stored["acme"] = {"adminAccessToken": stack.provider.give_permanent()}
    return migrate(stack.call(), "acme", confirm="acme.myshopify.com").as_json()


RESPONSES: dict[str, Callable[[], Any]] = {
    "The current token": token().as_json,
    "Tokens of a shop": listed,
    "A token's record": record,
    "A rotation": rotation,
    "Rotation settings": RotationSettings().as_json,
    "A reconciliation": reconciliation,
    "A closed session": lambda: close_session(session_stack().call(), "acme", "s-1", "order-1"),
    "A migration": migration,
}


@pytest.mark.parametrize("heading", RESPONSES)
def test_an_example_has_the_members_of_the_response(heading: str) -> None:
    assert members(examples(API, heading)[0]) == members(RESPONSES[heading]())


def test_an_example_of_a_token_that_cannot_be_rotated_is_real() -> None:
    assert examples(API, "A rotation")[1] == rotate(one_token_stack().call(), "acme").as_json()


def test_every_finding_is_explained_and_shown() -> None:
    assert [row[0].strip("`") for row in rows(API, "A reconciliation")] == list(Finding)
    assert examples(API, "A reconciliation")[0]["counts"].keys() == set(Finding)


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
