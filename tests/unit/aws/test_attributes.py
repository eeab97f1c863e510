"""Plain values in DynamoDB's own writing, there and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_broker.aws.store.attributes import unwrap, unwrap_all, wrap, wrap_all

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner.filter(lambda each: each is not None)),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, {"NULL": True}),
        ("", {"S": ""}),
        (True, {"BOOL": True}),
        (False, {"BOOL": False}),
        (0, {"N": "0"}),
        (-7, {"N": "-7"}),
        (1.5, {"N": "1.5"}),
        ([None, 1], {"L": [{"NULL": True}, {"N": "1"}]}),
        ({"a": {"b": "c"}}, {"M": {"a": {"M": {"b": {"S": "c"}}}}}),
    ],
)
def test_each_kind_of_value_has_its_letter(value: Any, written: Any) -> None:
    assert wrap(value) == written
    assert unwrap(written) == value


@given(VALUES)
def test_what_was_written_is_read_as_it_was(value: Any) -> None:
    assert unwrap(wrap(value)) == value


def test_a_member_without_a_value_is_not_written() -> None:
    assert wrap_all({"title": None, "id": "7"}) == {"id": {"S": "7"}}


def test_a_member_that_somebody_else_wrote_as_nothing_is_nothing() -> None:
    assert unwrap_all({"title": {"NULL": True}}) == {"title": None}
