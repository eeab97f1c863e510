"""JSON that can mean one thing only."""

from typing import Any

import pytest

from token_broker.strict_json import DEPTH_LIMIT, NotStrictJson, loads

CANARY = "sk_live_canary"


def refusal(text: str) -> str:
    with pytest.raises(NotStrictJson) as refused:
        loads(text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' {"a": [1, 2.5, null, true, "x"]} ', {"a": [1, 2.5, None, True, "x"]}),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\U0001f469\u200d\U0001f467"', "\U0001f469\u200d\U0001f467"),
        ("null", None),
        ('{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
    ],
)
def test_honest_json_is_read(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 2}',
        '{"outer": {"a": 1, "a": 2}}',
        '[[{"x": [{"a": 1, "b": 2, "a": 3}]}]]',
    ],
)
def test_a_field_given_twice_is_refused_at_any_depth(text: str) -> None:
    assert refusal(text) == "a field is given twice"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a": NaN}', "[1, [Infinity]]"])
def test_nan_and_infinity_are_refused(text: str) -> None:
    assert refusal(text) == "NaN and Infinity are not JSON"


def test_sixteen_levels_are_read_and_one_more_is_refused() -> None:
    loads("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT)

    assert refusal("[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1)) == "it is nested too deeply"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_hundred_thousand_levels_are_refused_in_good_order(opening: str) -> None:
    text = opening * 100_000

    assert refusal(text) == "it is nested too deeply"


@pytest.mark.parametrize("text", ['"\\ud800"', '{"a": "\\udc00x"}', '{"\\ud83d": 1}', '"\ud800"'])
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    assert refusal(text) == "it holds half of a surrogate pair"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "{'a': 1}",
        "{} {}",
        '{"a": 1,}',
        "\ufeff{}",
        '"a\nb"',
        '"\x00"',
        "01",
        "9" * 5000,
        "undefined",
        f'{{"{CANARY}": {CANARY}}}',
    ],
)
def test_anything_else_is_not_json_and_nothing_of_it_is_quoted(text: str) -> None:
    assert refusal(text) == "it is not JSON"
