"""The provider's list is compared with our records."""

from typing import Any

import pytest

from tests.fakes.provider import down
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.surroundings import ListingStack
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import Origin, State, fingerprint
from token_broker.errors import MerchantNotFound, ProviderUnavailable, StorageUnavailable
from token_broker.ports.provider import Capabilities
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.listing import list_tokens
from token_broker.tokens.revoke import revoke

ORPHAN = tag_title("Made by us", BROKER_ID, "d" * 26)
ANOTHER_STACKS = tag_title("T", "otherone", "d" * 26)


def rows(stack: ListingStack) -> dict[str, dict[str, Any]]:
    shown = list_tokens(stack.listing_call(), "acme")["tokens"]
    return {row["tokenId"]: row for row in shown}


def test_an_empty_shop_has_an_empty_list_and_what_is_being_made_is_not_asked_for(stack: ListingStack) -> None:
    """A reconciliation needs the open intents; here they would be one more query for nothing."""
    assert list_tokens(stack.listing_call(), "acme") == {"tokens": [], "used": 0, "limit": 100}
    assert "leases.open_intent_ids" not in stack.store.calls


def test_our_tokens_are_shown_with_value_origin_and_state(stack: ListingStack) -> None:
    current = shop_token(stack.call(), "acme")
    standing = standing_token(stack.listing_call(), "acme", "Blog", None)

    shown = rows(stack)

    assert shown[current.token_id] == {**current.as_json(), "origin": "broker", "state": "current"}
    assert shown[standing.token_id] == {**standing.as_json(), "origin": "broker", "state": "standing"}
    assert shown[standing.token_id]["title"] == "Blog"


@pytest.mark.parametrize(
    ("title", "origin", "shown"),
    [
        ("API Client Extension", "foreign", "API Client Extension"),
        (ANOTHER_STACKS, "foreign", ANOTHER_STACKS),
        (ORPHAN, "broker", "Made by us"),  # its answer was lost: it is stored before anybody gets it
    ],
)
def test_a_token_without_a_record_shows_its_fingerprint_instead_of_its_value(
    stack: ListingStack, title: str, origin: str, shown: str
) -> None:
    stack.store.keep(token("7"))
    stack.provider.put(minted("5", access_token="its-value"), title)
    before = dict(stack.store.records)

    row = rows(stack)["5"]

    assert (row["origin"], row["state"], row["title"]) == (origin, "standing", shown)
    assert (row["accessToken"], row["fingerprint"]) == (None, fingerprint("its-value"))
    assert "its-value" not in str(row)
    assert stack.store.records == before, "listing changes no record"


@pytest.mark.parametrize("state", State)
def test_what_we_hold_as_alive_and_the_provider_does_not_list_is_lost(stack: ListingStack, state: State) -> None:
    stack.store.keep(token("7", state=state, access_token="x"))

    if state in (State.CURRENT, State.STANDING, State.RETIRING):
        row = rows(stack)["7"]
        assert (row["state"], row["accessToken"], row["fingerprint"]) == ("lost", None, fingerprint("x"))
    else:
        assert rows(stack) == {}


def test_a_token_that_is_being_revoked_is_shown_without_its_value(stack: ListingStack) -> None:
    made = standing_token(stack.listing_call(), "acme", "T", None)
    stack.provider.put(minted("5"), "Theirs")
    stack.provider.failures["revoke"] = [down(), down()]
    revoke(stack.listing_call(), "acme", made.token_id)
    revoke(stack.listing_call(), "acme", "5", foreign=True)

    shown = rows(stack)

    ours, theirs = shown[made.token_id], shown["5"]
    assert (ours["origin"], ours["state"], ours["accessToken"]) == ("broker", "revoking", None)
    assert ours["fingerprint"] == made.digest
    assert (theirs["origin"], theirs["state"], theirs["accessToken"]) == ("foreign", "revoking", None)


def test_places_are_counted_by_the_provider_foreign_tokens_included(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), "Theirs")
    shop_token(stack.call(), "acme")
    stack.store.keep(token("77", state=State.STANDING))

    listed = list_tokens(stack.listing_call(), "acme")

    assert (listed["used"], listed["limit"], len(listed["tokens"])) == (2, 100, 3)
    assert ("TokenLimitHeadroom", 98, "Count") in stack.telemetry.counts


def test_a_provider_without_a_limit_has_no_headroom(stack: ListingStack) -> None:
    stack.provider.capabilities = Capabilities(lists=True, revokes=True, supports_title_tag=True)

    assert list_tokens(stack.listing_call(), "acme")["limit"] is None
    assert stack.telemetry.counts == []


@pytest.mark.parametrize("part", ["tokens.all", "tokens.broker_id", "provider"])
def test_a_storage_or_a_provider_that_is_down_gives_no_half_list(stack: ListingStack, part: str) -> None:
    if part == "provider":
        stack.provider.failures["list"] = [down()]
    else:
        stack.store.refuse(part, StorageUnavailable("Down."))

    with pytest.raises(ProviderUnavailable if part == "provider" else StorageUnavailable):
        list_tokens(stack.listing_call(), "acme")
    with pytest.raises(MerchantNotFound):
        list_tokens(stack.listing_call(), "nobody")


def test_an_origin_is_the_records_where_there_is_one(stack: ListingStack) -> None:
    stack.store.keep(token("5", origin=Origin.BROKER, state=State.STANDING, title="Ours"))
    stack.provider.put(minted("5"), "Renamed by somebody")

    assert rows(stack)["5"]["title"] == "Ours"
