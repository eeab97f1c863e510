"""The rules for single values: what each takes, what it refuses, and that no message repeats a value."""

from typing import Any

import pytest

from token_broker.domain import fields
from token_broker.domain.fields import Precondition, Rule

CANARY = "sk_live_canary"


def refused(rule: Rule, value: Any) -> str:
    with pytest.raises(ValueError, match=r".") as raised:
        rule(value)
    return str(raised.value)


@pytest.mark.parametrize("name", ["a", "0", "acme", "acme-shop-2", "a" * 63, "a-", "9-9"])
def test_a_merchants_name_is_taken_as_it_is(name: str) -> None:
    assert fields.merchant_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-acme",
        "Acme",
        "a" * 64,
        "a_b",
        "a.b",
        "a/b",
        "a%2Fb",
        "../acme",
        "acme ",
        " acme",
        "acme\n",
        "ac\x00me",
        "acmé",
        "\u0430cme",  # a Cyrillic letter
        "acme#session:1",
        "*",
        None,
        7,
        True,
        ["acme"],
        {"name": "acme"},
    ],
)
def test_a_malformed_merchants_name_is_refused(name: Any) -> None:
    assert "merchant" in refused(fields.merchant_name, name)


@pytest.mark.parametrize(
    "title",
    [
        "Test",
        "x" * 150,
        "😀" * 150,
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 family",  # joined by zero-width joiners
        "\u05e9\u05dc\u05d5\u05dd \u200f\u65e5\u672c\u8a9e \u00dc \u2190",
        " padded ",
        "0",
        "a\u00a0b",
    ],
)
def test_a_title_may_be_any_script_and_emoji(title: str) -> None:
    assert fields.text(150)(title) == title


@pytest.mark.parametrize("title", ["", " ", "   \u00a0\u2003", "x" * 151, "😀" * 151])
def test_a_title_that_is_blank_or_too_long_is_refused(title: str) -> None:
    assert refused(fields.text(150), title) == "a string of 1 to 150 characters that is not blank"


@pytest.mark.parametrize("bad", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_a_title_with_a_control_character_is_refused(bad: str) -> None:
    assert refused(fields.text(150), f"a{bad}b") == "a string without control characters"


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, b"bytes"])
def test_a_text_of_another_type_is_refused(value: Any) -> None:
    assert "a string" in refused(fields.text(150), value)


def test_a_session_id_has_at_most_256_characters() -> None:
    rule = fields.text(256)

    assert rule("s" * 256) == "s" * 256
    assert "256" in refused(rule, "s" * 257)


def test_scopes_keep_their_order_and_lose_their_repetitions() -> None:
    assert fields.scope_names(["b", "a", "b"]) == ("b", "a")


def test_an_empty_list_of_scopes_asks_for_nothing() -> None:
    assert fields.scope_names([]) is None


def test_fifty_scopes_of_a_hundred_characters_are_taken() -> None:
    scopes = [f"{number:03}".ljust(100, "x") for number in range(50)]

    assert fields.scope_names(scopes) == tuple(scopes)


@pytest.mark.parametrize(
    "scopes",
    [
        None,
        "wallet.read",
        ("wallet.read",),
        {"wallet.read": True},
        [""],
        ["a b"],
        ["a\n"],
        ["é"],
        ["x" * 101],
        [1],
        [True],
        [None],
        [["a"]],
        ["a"] * 51,
    ],
)
def test_malformed_scopes_are_refused(scopes: Any) -> None:
    assert "scope names" in refused(fields.scope_names, scopes)


@pytest.mark.parametrize("number", ["1", "1003304090", "tok_5-A.b%2F", "9" * 128])
def test_a_token_id_is_visible_ascii(number: str) -> None:
    assert fields.token_id(number) == number


@pytest.mark.parametrize("number", ["", "9" * 129, "1 ", "1\n", "1/2", "1#2", "1\u0662", "é", 1, True, None])
def test_an_id_that_could_leave_its_key_or_path_is_refused(number: Any) -> None:
    assert "1 to 128 visible ASCII characters" in refused(fields.token_id, number)


@pytest.mark.parametrize("key", ["k", "8e03978e-40d5-43e8-bc93-6894a57f9324", "!~", "k" * 255])
def test_a_key_is_visible_ascii(key: str) -> None:
    assert fields.visible(255)(key) == key


@pytest.mark.parametrize("key", ["", "a b", "a\n", "é", "k" * 256, 1, True, None, ["k"]])
def test_a_malformed_key_is_refused(key: Any) -> None:
    assert "255 visible ASCII" in refused(fields.visible(255), key)


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("false", False), (True, True), (False, False)])
def test_a_flag_is_true_or_false_also_as_text(value: str | bool, meant: bool) -> None:
    assert fields.flag(value) is meant


@pytest.mark.parametrize("value", ["", "True", "yes", "1", "on", 1, 0, 1.0, None, [], {}])
def test_anything_else_is_no_flag(value: Any) -> None:
    assert refused(fields.flag, value) == "true or false"


@pytest.mark.parametrize(
    ("header", "asks"),
    [
        ("no-cache", True),
        ("No-Cache", True),
        ("max-age=0, no-cache", True),
        (" no-cache ,no-store", True),
        ("no-store", False),
        ("max-age=0", False),
        ("no-cached", False),
        ("", False),
    ],
)
def test_only_the_directive_no_cache_passes_the_caches_by(header: str, asks: bool) -> None:
    assert fields.cache_control(header) is asks


@pytest.mark.parametrize("value", [None, 1, True, ["no-cache"], "x" * 257])
def test_a_malformed_cache_control_is_refused(value: Any) -> None:
    assert "Cache-Control" in refused(fields.cache_control, value)


@pytest.mark.parametrize("value", [0, False, "", [], {}, "x", {"a": [1]}])
def test_a_value_that_is_judged_later_is_taken_as_it_is(value: Any) -> None:
    assert fields.anything(value) is value


def test_nothing_is_no_value() -> None:
    assert refused(fields.anything, None) == "any value but null, or left out"


@pytest.mark.parametrize(
    ("header", "revisions"),
    [
        ('"3"', {3}),
        (' "3" ', {3}),
        ('"3", "12"', {3, 12}),
        ('"3","3"', {3}),
        ('W/"3"', set()),
        ('W/"3", "4"', {4}),
        ('""', set()),
        ('"abc", "3"', {3}),
        ('"03"', set()),
        ('"0"', set()),
        ('"-3"', set()),
        ('"3.0"', set()),
        ('"9999999999"', set()),
        ('"1e2"', set()),
    ],
)
def test_if_match_names_revisions_and_what_is_none_fits_nothing(header: str, revisions: set[int]) -> None:
    assert fields.entity_tags(header) == Precondition(frozenset(revisions), exists=True)


@pytest.mark.parametrize("header", ["*", " * "])
def test_if_match_may_ask_for_any(header: str) -> None:
    assert fields.entity_tags(header) == Precondition(exists=True)


@pytest.mark.parametrize(
    "value", [None, 3, ["3"], "", "3", '"3', '3"', '"3" "4"', '"3",', '*, "3"', '"é"', '"3"\x00', '"a\nb"', '"' * 300]
)
def test_an_if_match_that_is_no_list_of_tags_is_refused(value: Any) -> None:
    """A precondition that was not understood must not be ignored."""
    assert "one or more ETags" in refused(fields.entity_tags, value)


@pytest.mark.parametrize("value", ["*", " * "])
def test_if_none_match_asks_that_there_be_nothing(value: str) -> None:
    assert fields.asterisk(value) is True


@pytest.mark.parametrize("value", [None, True, "", '"3"', '"*"', "**", "*, *", 'W/"3"'])
def test_any_other_if_none_match_is_refused(value: Any) -> None:
    assert refused(fields.asterisk, value) == "*"


@pytest.mark.parametrize(
    "rule",
    [
        fields.entity_tags,
        fields.asterisk,
        fields.merchant_name,
        fields.text(5),
        fields.scope_names,
        fields.token_id,
        fields.visible(5),
        fields.flag,
        fields.cache_control,
    ],
)
@pytest.mark.parametrize("value", [f"{CANARY}\n" + "x" * 300, [f"{CANARY} {CANARY}"], {CANARY: CANARY}])
def test_no_message_repeats_the_value(rule: Rule, value: Any) -> None:
    """It may be a secret that was put into the wrong field."""
    assert CANARY not in refused(rule, value)


@pytest.mark.parametrize("value", [True, False])
def test_a_truth_is_true_or_false_as_json_has_them(value: bool) -> None:
    assert fields.truth(value) is value


@pytest.mark.parametrize("value", ["true", "false", 1, 0, None, []])
def test_anything_else_is_no_truth(value: Any) -> None:
    assert refused(fields.truth, value) == "true or false"


def test_events_names_are_each_named_once_and_there_may_be_none() -> None:
    name = "shopify#acme/event#mfrggzdfmztwq2lkmfrggzdfmy"

    assert fields.event_names([name, name]) == (name,)
    assert fields.event_names([]) == ()


@pytest.mark.parametrize(
    "value", [None, "shopify#acme/event#mfrggzdfmztwq2lkmfrggzdfmy", [1], ["shopify#acme"], ["x"] * 10_000]
)
def test_malformed_names_of_events_are_refused(value: Any) -> None:
    assert refused(fields.event_names, value).startswith("a list of")
