"""The mark by which our tokens are told from everybody else's."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from token_broker.domain.ownership_tag import (
    TitleTag,
    key_id_of,
    new_broker_id,
    new_intent_id,
    new_owner,
    parse_title,
    tag_title,
)

BROKER, INTENT = "abcdefgh", "a2" * 13


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.text(max_size=150))
def test_a_marked_title_is_taken_apart_into_what_it_was_made_of(title: str) -> None:
    assert parse_title(tag_title(title, BROKER, INTENT)) == TitleTag(title, BROKER, INTENT)


def test_the_mark_is_the_end_of_the_title_also_of_one_that_ends_with_a_mark() -> None:
    title = f"Copied [tb:zzzzzzzz:{'b' * 26}]"

    assert tag_title("My shop", BROKER, INTENT) == f"My shop [tb:{BROKER}:{INTENT}]"
    assert parse_title(tag_title(title, BROKER, INTENT)) == TitleTag(title, BROKER, INTENT)


@pytest.mark.parametrize(
    "title",
    [
        "",
        "API Client Extension",
        f"[tb:{BROKER}:{INTENT}]",
        f"T [tb:{BROKER}:{INTENT}] ",
        f"T [tb:{BROKER}:{INTENT}]\n",
        f"T [tb:{BROKER}:{INTENT}",
        f"T [tb:{BROKER}1:{INTENT}]",
        f"T [tb:{BROKER.upper()}:{INTENT}]",
        f"T [tb:{BROKER}:{INTENT[:-1]}]",
        f"T [tb:{BROKER}:{INTENT[:-1]}1]",
        f"T [tb:{BROKER}:]",
        f"T [TB:{BROKER}:{INTENT}]",
    ],
)
def test_what_only_looks_like_a_mark_is_part_of_the_title(title: str) -> None:
    assert parse_title(title) == TitleTag(title, None, None)


def test_new_ids_have_the_form_that_a_mark_takes_and_no_two_are_the_same() -> None:
    title = tag_title("T", new_broker_id(), new_intent_id())

    assert parse_title(title).intent_id is not None
    assert re.fullmatch(r"[0-9a-f]{32}", new_owner())
    assert len({new_intent_id() for _ in range(50)} | {new_owner() for _ in range(50)}) == 100
    assert new_broker_id() != new_broker_id()


def test_the_same_key_of_the_same_caller_on_the_same_route_has_the_same_id() -> None:
    first = key_id_of("caller", "route", "key")

    assert first == key_id_of("caller", "route", "key")
    assert re.fullmatch(r"[a-z2-7]{26}", first)


@pytest.mark.parametrize(
    "parts", [("callerr", "oute", "key"), ("caller", "route", "other"), ("caller", "routekey", ""), ("caller", "route")]
)
def test_other_parts_have_another_id(parts: tuple[str, ...]) -> None:
    assert key_id_of(*parts) != key_id_of("caller", "route", "key")
