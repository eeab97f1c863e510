"""Events as subscribers get them: as their published schemas say, and without any value."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.clock import NOW
from tests.fakes.samples import ROTATION, every_event, token
from token_broker.domain import events
from token_broker.domain.credential_pair import MerchantState, StateReason
from token_broker.domain.events import MEMBERS, Event
from token_broker.domain.rotation import Succession
from token_broker.domain.token import State

FOLDER = Path(__file__).parents[3] / "docs/reference/events"
SCHEMAS: dict[str, Any] = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in FOLDER.glob("*.schema.json")
}
OF_ALL = ["eventId", "provider", "merchant", "occurredAt"]
VALUE = "a-value-that-nobody-may-see"
ACTIVE, LOCKED_OUT = MerchantState
_, CHANGED = StateReason

SHOPS = token("1001", access_token=VALUE)
STANDING = token("1002", access_token=VALUE, state=State.STANDING)
SESSIONS = token("1003", access_token=VALUE, subject="session:s-1", expires_at=int(NOW) + 3600)

MADE = [
    *every_event(value=VALUE),
    events.token_issued(STANDING, reason="adopted", at=NOW),
    events.token_issued(SESSIONS, reason="minted", at=NOW),
    events.token_rotated(SHOPS, Succession(token("1000"), State.LOST), at=NOW),
    events.session_closed("chicksx", "acme", "s-1", order_id="order-1", closed_at=int(NOW)),
    events.merchant_state_changed("shopify", "acme", before=LOCKED_OUT, after=ACTIVE, reason=CHANGED, at=NOW),
    events.token_rotated(SHOPS, Succession(token("1000"), State.REVOKING, None, ROTATION), at=NOW),
    events.token_limit_near("shopify", "acme", used=101, limit=100, at=NOW),
]

by_type = pytest.mark.parametrize("kind", sorted(SCHEMAS))
by_event = pytest.mark.parametrize("event", MADE, ids=lambda event: event.type)


def test_each_type_has_its_schema_its_constructor_and_its_row() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.schema\.json\) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)

    assert set(SCHEMAS) == set(MEMBERS) == {event.type for event in MADE}
    assert sorted(rows) == [(kind, kind) for kind in sorted(MEMBERS)]


@by_type
def test_a_schema_names_exactly_the_members_and_wants_all_of_them(kind: str) -> None:
    schema = SCHEMAS[kind]
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:token-broker:event:{kind}:1"
    assert list(schema["properties"]) == schema["required"] == [*OF_ALL, *MEMBERS[kind]]
    assert schema["additionalProperties"] is False
    assert all(each["title"] and each["description"] for each in schema["properties"].values())


@by_type
def test_a_schemas_example_is_an_event(kind: str) -> None:
    (example,) = SCHEMAS[kind]["examples"]

    Draft202012Validator(SCHEMAS[kind]).validate(example)


@by_event
def test_an_event_is_as_its_schema_says(event: Event) -> None:
    detail = json.loads(json.dumps(event.as_json()))

    Draft202012Validator(SCHEMAS[event.type]).validate(detail)
    assert (detail["merchant"], detail["occurredAt"]) == ("acme", int(NOW))
    assert set(event.detail) == set(MEMBERS[event.type])


@by_event
def test_a_value_is_in_no_event_and_no_schema_would_take_one(event: Event) -> None:
    assert VALUE not in repr(event)
    assert VALUE not in json.dumps(event.as_json())
    assert not Draft202012Validator(SCHEMAS[event.type]).is_valid({**event.as_json(), "accessToken": VALUE})


def test_a_schema_takes_no_value_for_a_fingerprint() -> None:
    detail = {**MADE[0].as_json(), "fingerprint": VALUE}

    assert not Draft202012Validator(SCHEMAS["TokenIssued"]).is_valid(detail)


def test_each_event_has_an_id_of_its_own() -> None:
    assert len({event.event_id for event in MADE}) == len(MADE)


def test_what_happened_is_told() -> None:
    issued, rotated, compromised, near = MADE[0].detail, MADE[1].detail, MADE[-2].detail, MADE[-1].detail

    assert (issued["tokenId"], issued["fingerprint"], issued["state"]) == ("1001", SHOPS.digest, "current")
    assert (rotated["previousTokenId"], rotated["rotationId"], rotated["compromised"]) == ("1000", ROTATION, False)
    assert (rotated["overlapEndsAt"], compromised["overlapEndsAt"]) == (int(NOW) + 60, None)
    assert compromised["compromised"] is True
    assert (near["used"], near["headroom"]) == (101, 0), "foreign tokens can be more than there is room for"
