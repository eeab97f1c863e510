"""The provider's list is compared with our records."""

from typing import Any

import pytest

from tests.fakes.provider import down
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.surroundings import ListingSurroundings, listing_stack
from token_broker.clock import Deadline
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import Origin, State, fingerprint
from token_broker.errors import MerchantNotFound, ProviderUnavailable, StorageUnavailable
from token_broker.ports.provider import Account, Capabilities, ListedToken
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.listing import list_tokens
from token_broker.tokens.revoke import revoke

ORPHAN = tag_title("Made by us", BROKER_ID, "d" * 26)


def rows(stack: ListingSurroundings) -> dict[str, dict[str, Any]]:
    shown = list_tokens(stack.listing_call(), "acme")["tokens"]
    return {row["tokenId"]: row for row in shown}


def test_an_empty_shop_has_an_empty_list() -> None:
    assert list_tokens(listing_stack().listing_call(), "acme") == {"tokens": [], "used": 0, "limit": 100}


def test_a_list_does_not_ask_for_what_is_being_made() -> None:
    """A reconciliation needs it; here it would be one more query for nothing."""
    stack = listing_stack()

    list_tokens(stack.listing_call(), "acme")

    assert "leases.open_intent_ids" not in stack.store.calls


def test_our_tokens_are_shown_with_value_origin_and_state() -> None:
    stack = listing_stack()
    current = shop_token(stack.call(), "acme")
    standing = standing_token(stack.listing_call(), "acme", "Blog", None)

    shown = rows(stack)

    assert shown[current.token_id] == {**current.as_json(), "origin": "broker", "state": "current"}
    assert shown[standing.token_id] == {**standing.as_json(), "origin": "broker", "state": "standing"}
    assert shown[standing.token_id]["title"] == "Blog"


def test_a_foreign_token_shows_its_fingerprint_instead_of_its_value() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5", access_token="foreign-value"), "API Client Extension")

    row = rows(stack)["5"]

    assert (row["origin"], row["state"], row["title"]) == ("foreign", "standing", "API Client Extension")
    assert (row["accessToken"], row["fingerprint"]) == (None, fingerprint("foreign-value"))
    assert "foreign-value" not in str(row)


def test_another_stacks_token_is_foreign_and_keeps_its_mark() -> None:
    stack = listing_stack()
    title = tag_title("T", "otherone", "d" * 26)
    stack.provider.put(minted("5"), title)

    row = rows(stack)["5"]

    assert (row["origin"], row["title"]) == ("foreign", title)


def test_a_token_of_ours_without_a_record_is_ours_and_its_value_is_not_shown() -> None:
    """Its answer was lost: it is stored before anybody gets it."""
    stack = listing_stack()
    stack.provider.put(minted("5"), ORPHAN)

    row = rows(stack)["5"]

    assert (row["origin"], row["state"], row["title"], row["accessToken"]) == ("broker", "standing", "Made by us", None)


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING, State.RETIRING])
def test_what_we_hold_as_alive_and_the_provider_does_not_list_is_lost(state: State) -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=state))

    row = rows(stack)["7"]

    assert (row["state"], row["accessToken"], row["fingerprint"]) == ("lost", None, token("7").digest)


@pytest.mark.parametrize("state", [State.REVOKING, State.REVOKED, State.LOST])
def test_what_has_ended_and_is_not_listed_is_not_shown(state: State) -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=state, access_token="x"))

    assert rows(stack) == {}


def test_a_token_that_is_being_revoked_is_shown_without_its_value() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", made.token_id)

    row = rows(stack)[made.token_id]

    assert (row["state"], row["accessToken"], row["fingerprint"]) == ("revoking", None, made.digest)


def test_a_foreign_token_that_is_being_revoked_says_so() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", "5", foreign=True)

    row = rows(stack)["5"]

    assert (row["origin"], row["state"], row["accessToken"]) == ("foreign", "revoking", None)


def test_places_are_counted_by_the_provider_foreign_tokens_included() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")
    shop_token(stack.call(), "acme")
    stack.store.keep(token("77", state=State.STANDING))

    listed = list_tokens(stack.listing_call(), "acme")

    assert (listed["used"], listed["limit"], len(listed["tokens"])) == (2, 100, 3)
    assert ("TokenLimitHeadroom", 98, "Count") in stack.telemetry.counts


def test_a_provider_without_a_limit_has_no_headroom() -> None:
    stack = listing_stack()
    stack.provider.capabilities = Capabilities(lists=True, revokes=True, supports_title_tag=True)

    assert list_tokens(stack.listing_call(), "acme")["limit"] is None
    assert stack.telemetry.counts == []


def test_listing_changes_no_record_and_closes_nothing() -> None:
    stack = listing_stack()
    stack.store.keep(token("7"))
    stack.provider.put(minted("5"), ORPHAN)
    before = dict(stack.store.records)

    rows(stack)

    assert stack.store.records == before


@pytest.mark.parametrize("operation", ["tokens.all", "tokens.broker_id"])
def test_a_storage_that_is_down_gives_no_half_list(operation: str) -> None:
    stack = listing_stack()
    stack.store.refuse(operation, StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        list_tokens(stack.listing_call(), "acme")


def test_a_provider_that_is_down_gives_no_half_list() -> None:
    stack = listing_stack()
    stack.provider.failures["list"] = [down()]

    with pytest.raises(ProviderUnavailable):
        list_tokens(stack.listing_call(), "acme")


def test_an_unknown_merchant_has_no_list() -> None:
    with pytest.raises(MerchantNotFound):
        list_tokens(listing_stack().listing_call(), "nobody")


def test_an_origin_is_the_records_where_there_is_one() -> None:
    stack = listing_stack()
    stack.store.keep(token("5", origin=Origin.BROKER, state=State.STANDING, title="Ours"))
    stack.provider.put(minted("5"), "Renamed by somebody")

    assert rows(stack)["5"]["title"] == "Ours"


def test_a_token_that_is_made_while_the_provider_writes_its_list_is_not_lost() -> None:
    stack = listing_stack()
    list_then = stack.provider.list_tokens

    def list_and_issue(account: Account, deadline: Deadline) -> list[ListedToken]:
        listed = list_then(account, deadline)
        stack.store.keep(token("7", state=State.STANDING))
        return listed

    stack.provider.list_tokens = list_and_issue  # type: ignore[method-assign]

    assert rows(stack) == {}


def test_a_token_that_is_revoked_while_the_provider_writes_its_list_is_not_lost() -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=State.STANDING))
    list_then = stack.provider.list_tokens

    def list_and_revoke(account: Account, deadline: Deadline) -> list[ListedToken]:
        stack.store.keep(token("7", state=State.REVOKED))
        return list_then(account, deadline)

    stack.provider.list_tokens = list_and_revoke  # type: ignore[method-assign]

    assert rows(stack) == {}
