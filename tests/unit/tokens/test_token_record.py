"""One token's record: where it stands, how it came there, and its value only while it is ours and alive."""

import json
from collections.abc import Callable

import pytest

from tests.fakes.clock import NOW
from tests.fakes.events import Context, storefront_event
from tests.fakes.samples import minted, token
from tests.fakes.surroundings import DAY, ListingStack
from tests.unit.loading import load
from token_broker.domain.grant import Grant
from token_broker.domain.token import Origin, State, Token
from token_broker.errors import InvalidRequest, TokenNotFound
from token_broker.lifecycle.rotate import rotate
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.listing import list_tokens, recorded_token
from token_broker.tokens.revoke import revoke


def show(stack: ListingStack, token_id: str) -> dict[str, object]:
    shown: dict[str, object] = recorded_token(stack.listing_call(), "acme", token_id).as_json()
    return shown


def line(before: str | None, after: str, reason: str, *, by: str, at: int = int(NOW)) -> dict[str, object]:
    return {"at": at, "by": by, "from": before, "to": after, "why": reason}


def test_a_live_token_of_ours_is_shown_as_the_list_shows_it_and_with_its_history(stack: ListingStack) -> None:
    current = shop_token(stack.call(), "acme")
    standing = standing_token(stack.listing_call(), "acme", "Kiosk", None)
    rows = {row["tokenId"]: row for row in list_tokens(stack.listing_call(), "acme")["tokens"]}
    stack.secrets.delete("acme")
    asked, reads = stack.provider.list_calls, len(stack.secrets.reads)

    for made in (current, standing):
        shown = show(stack, made.token_id)
        assert shown.pop("history") == [line(None, made.state.value, "minted", by=stack.call().caller)]
        assert shown == rows[made.token_id]
        assert shown["accessToken"] == made.access_token
    assert (stack.provider.list_calls, len(stack.secrets.reads)) == (asked, reads)


def test_each_step_of_a_rotated_token_is_told_and_its_value_is_gone_with_its_life(stack: ListingStack) -> None:
    shop_token(stack.call(), "acme")
    rotate(stack.listing_call(), "acme")
    assert show(stack, "1001")["accessToken"] == "value-of-1001", "a retiring token keeps working"
    stack.clock.advance(7 * DAY)
    maintain(stack.listing_call(), "acme", stack.store.due_items("acme"))

    shown = show(stack, "1001")

    assert (shown["state"], shown["accessToken"], shown["origin"]) == ("revoked", None, "broker")
    assert len(str(shown["fingerprint"])) == 12
    caller, later = stack.call().caller, int(NOW) + 7 * DAY
    assert shown["history"] == [
        line(None, "current", "minted", by=caller),
        line("current", "retiring", "rotated", by=caller),
        line("retiring", "revoking", "rotated", by="clock", at=later),
        line("revoking", "revoked", "rotated", by="clock", at=later),
    ]


@pytest.mark.parametrize(
    "kept",
    [
        *(token("5", state=state) for state in (State.REVOKED, State.LOST, State.REVOKING)),
        token("5", state=State.STANDING, origin=Origin.FOREIGN),
        None,  # a foreign token that was revoked here
    ],
)
def test_a_value_that_must_not_be_shown_is_not_though_a_record_has_it(stack: ListingStack, kept: Token | None) -> None:
    if kept is not None:
        stack.store.keep(kept)
    else:
        stack.provider.put(minted("5"), "Theirs")
        revoke(stack.listing_call(), "acme", "5", foreign=True)
        assert (show(stack, "5")["origin"], show(stack, "5")["state"]) == ("foreign", "revoked")

    assert show(stack, "5")["fingerprint"] == token("5").digest
    assert "value-of-5" not in json.dumps(show(stack, "5"))


def test_a_token_without_a_record_is_not_found_though_the_provider_lists_it(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), "Theirs")

    with pytest.raises(TokenNotFound):
        show(stack, "5")
    with pytest.raises(InvalidRequest):  # no id that the provider can have
        show(stack, "abc")
    assert stack.provider.list_calls == 0


# The function


@pytest.fixture
def shopify(put_in: Callable[..., None], stack: ListingStack) -> ListingStack:
    put_in("shopify", lambda request: stack.listing_call(request.caller, grant=request.grant))
    return stack


@pytest.mark.parametrize("function", ["get_storefront_access_token", "get_rotation_settings", "put_rotation_settings"])
def test_a_page_gets_no_record_and_no_settings(shopify: ListingStack, function: str) -> None:
    """No such route leads there; should one ever, it is of no use."""
    page = Grant(merchant="acme", origins=("https://shop.example",)).as_context()
    path = {"merchant": "acme"} | ({"tokenId": "1001"} if "token" in function else {})
    event = {**storefront_event(authorizer=page), "pathParameters": path}

    answer = load(f"shopify/{function}")(event, Context())

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "forbidden")
    assert shopify.store.calls == []
