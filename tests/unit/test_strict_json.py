"""JSON that can mean one thing only."""

from typing import Any

import pytest

from token_broker.strict_json import DEPTH_LIMIT, NotStrictJson, loads

CANARY = "sk_live_canary"


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


#: By what is said of them. Nothing of a text is quoted.
REFUSED = {
    "a field is given twice": (
        *('{"a": 1, "a": 1}', '{"a": 1, "\\u0061": 2}', '{"outer": {"a": 1, "a": 2}}'),
        '[[{"x": [{"a": 1, "b": 2, "a": 3}]}]]',
    ),
    "NaN and Infinity are not JSON": ("NaN", "Infinity", "-Infinity", '{"a": NaN}', "[1, [Infinity]]"),
    "it is nested too deeply": ("[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1), "[" * 100_000, '{"a":' * 100_000),
    "it holds half of a surrogate pair": ('"\\ud800"', '{"a": "\\udc00x"}', '{"\\ud83d": 1}', '"\ud800"'),
    "it is not JSON": (
        *("", " ", "{", "{'a': 1}", "{} {}", '{"a": 1,}', "\ufeff{}", '"a\nb"', '"\x00"', "01", "9" * 5000),
        *("undefined", f'{{"{CANARY}": {CANARY}}}'),
    ),
}


@pytest.mark.parametrize(("said", "text"), [(said, text) for said, texts in REFUSED.items() for text in texts])
def test_what_is_not_strict_json_is_refused(said: str, text: str) -> None:
    with pytest.raises(NotStrictJson) as refused:
        loads(text)

    assert str(refused.value) == said


def test_sixteen_levels_are_read() -> None:
    loads("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT)
