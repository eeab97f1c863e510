"""A stack in memory, whose provider lists, revokes and rotates."""

import pytest

from tests.fakes.surroundings import ListingSurroundings, listing_stack


@pytest.fixture
def stack() -> ListingSurroundings:
    return listing_stack()
