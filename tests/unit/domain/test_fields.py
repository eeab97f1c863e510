"""The rules for single values: what each takes, what it refuses, and that no message repeats a value."""

from collections.abc import Sequence
from typing import Any

import pytest

from token_broker.domain import fields
from token_broker.domain.fields import Precondition, Rule

CANARY = "sk_live_canary"
TITLE, KEY = fields.text(150), fields.visible(255)
EVENT = "shopify#acme/event#mfrggzdfmztwq2lkmfrggzdfmy"
ANYTHING: tuple[Any, ...] = (0, False, "", [], {}, "x", {"a": [1]})
SCOPES = tuple(f"{number:03}".ljust(100, "x") for number in range(50))
NOT_BLANK = "a string of 1 to 150 characters that is not blank"
NO_CONTROL = "a string without control characters"


def by_rule(rows: Sequence[tuple[Rule, Any, Sequence[Any]]]) -> pytest.MarkDecorator:
    """Make one case of each value of each row: the rule, what is expected, and the value."""
    cases = [(rule, expected, value) for rule, expected, values in rows for value in values]
    return pytest.mark.parametrize(("rule", "expected", "value"), cases)


def refused(rule: Rule, value: Any) -> str:
    with pytest.raises(ValueError, match=r".") as raised:
        rule(value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        *((fields.merchant_name, name) for name in ("a", "0", "acme", "acme-shop-2", "a" * 63, "a-", "9-9")),
        *((TITLE, title) for title in ("Test", "x" * 150, "😀" * 150, " padded ", "0", "a\u00a0b")),
        (TITLE, "\U0001f469\u200d\U0001f469\u200d\U0001f467 family"),  # joined by zero-width joiners
        (TITLE, "\u05e9\u05dc\u05d5\u05dd \u200f\u65e5\u672c\u8a9e \u00dc \u2190"),
        (fields.text(256), "s" * 256),
        (fields.scope_names, SCOPES),
        *((fields.token_id, number) for number in ("1", "1003304090", "tok_5-A.b%2F", "9" * 128)),
        *((KEY, key) for key in ("k", "8e03978e-40d5-43e8-bc93-6894a57f9324", "!~", "k" * 255)),
        *((fields.anything, value) for value in ANYTHING),
        *((fields.truth, value) for value in (True, False)),
    ],
)
def test_a_good_value_is_taken_as_it_is(rule: Rule, value: Any) -> None:
    taken = rule(list(value) if isinstance(value, tuple) else value)

    assert (type(taken), taken) == (type(value), value)


@by_rule(
    [
        (fields.scope_names, ("b", "a"), (["b", "a", "b"],)),
        (fields.scope_names, None, ([],)),
        (fields.flag, True, ("true", True)),
        (fields.flag, False, ("false", False)),
        (fields.cache_control, True, ("no-cache", "No-Cache", "max-age=0, no-cache", " no-cache ,no-store")),
        (fields.cache_control, False, ("no-store", "max-age=0", "no-cached", "")),
        (fields.asterisk, True, ("*", " * ")),
        (fields.event_names, (EVENT,), ([EVENT, EVENT],)),
        (fields.event_names, (), ([],)),
        (fields.entity_tags, Precondition(exists=True), ("*", " * ")),
    ]
)
def test_a_value_is_read(rule: Rule, expected: Any, value: Any) -> None:
    read = rule(value)

    assert (type(read), read) == (type(expected), expected)


@pytest.mark.parametrize(
    ("header", "revisions"),
    [
        *(('"3"', {3}), (' "3" ', {3}), ('"3", "12"', {3, 12}), ('"3","3"', {3})),
        *(('W/"3"', set()), ('W/"3", "4"', {4}), ('""', set()), ('"abc", "3"', {3})),
        *((f'"{odd}"', set()) for odd in ("03", "0", "-3", "3.0", "9999999999", "1e2")),
    ],
)
def test_if_match_names_revisions_and_what_is_none_fits_nothing(header: str, revisions: set[int]) -> None:
    assert fields.entity_tags(header) == Precondition(frozenset(revisions), exists=True)


@by_rule(
    [
        (fields.merchant_name, "merchant", ("", "-acme", "Acme", "a" * 64, "a_b", "a.b", "a/b", "a%2Fb", "../acme")),
        (fields.merchant_name, "merchant", ("acme ", " acme", "acme\n", "ac\x00me", "acmé", "acme#session:1", "*")),
        (fields.merchant_name, "merchant", ("\u0430cme",)),  # a Cyrillic letter
        (fields.merchant_name, "merchant", (None, 7, True, ["acme"], {"name": "acme"})),
        (TITLE, NOT_BLANK, ("", " ", "   \u00a0\u2003", "x" * 151, "😀" * 151)),
        (TITLE, NO_CONTROL, [f"a{bad}b" for bad in "\x00\n\r\t\x1b\x7f\x85\u2028\u2029\ud800"]),
        (TITLE, "a string", (None, 1, 1.5, True, [], {}, b"bytes")),
        (fields.text(256), "256", ("s" * 257,)),
        (fields.scope_names, "scope names", (None, "wallet.read", ("wallet.read",), {"wallet.read": True}, ["a"] * 51)),
        (
            fields.scope_names,
            "scope names",
            [[bad] for bad in ("", "a b", "a\n", "é", "x" * 101, 1, True, None, ["a"])],
        ),
        (fields.token_id, "1 to 128 visible ASCII characters", ("", "9" * 129, "1 ", "1\n", "1/2", "1#2", "1\u0662")),
        (fields.token_id, "1 to 128 visible ASCII characters", ("é", 1, True, None)),
        (KEY, "255 visible ASCII", ("", "a b", "a\n", "é", "k" * 256, 1, True, None, ["k"])),
        (fields.flag, "true or false", ("", "True", "yes", "1", "on", 1, 0, 1.0, None, [], {})),
        (fields.truth, "true or false", ("true", "false", 1, 0, None, [])),
        (fields.cache_control, "Cache-Control", (None, 1, True, ["no-cache"], "x" * 257)),
        (fields.anything, "any value but null, or left out", (None,)),
        (fields.asterisk, "*", (None, True, "", '"3"', '"*"', "**", "*, *", 'W/"3"')),
        (fields.entity_tags, "one or more ETags", (None, 3, ["3"], "", "3", '"3', '3"', '"3" "4"', '"3",', '*, "3"')),
        (fields.entity_tags, "one or more ETags", ('"é"', '"3"\x00', '"a\nb"', '"' * 300)),
        (fields.event_names, "a list of", (None, EVENT, [1], ["shopify#acme"], ["x"] * 10_000)),
    ]
)
def test_any_other_value_is_refused(rule: Rule, expected: str, value: Any) -> None:
    """A precondition that was not understood must not be ignored. An id could leave its key or path."""
    assert expected in refused(rule, value)


@pytest.mark.parametrize(
    "rule",
    [
        *(fields.entity_tags, fields.asterisk, fields.merchant_name, fields.text(5), fields.scope_names),
        *(fields.token_id, fields.visible(5), fields.flag, fields.cache_control),
    ],
)
@pytest.mark.parametrize("value", [f"{CANARY}\n" + "x" * 300, [f"{CANARY} {CANARY}"], {CANARY: CANARY}])
def test_no_message_repeats_the_value(rule: Rule, value: Any) -> None:
    """It may be a secret that was put into the wrong field."""
    assert CANARY not in refused(rule, value)
