"""Build the surroundings of one call."""

import pytest

from tests.fakes.surroundings import ListingSurroundings, listing_stack


@pytest.fixture
def stack() -> ListingSurroundings:
    """Build a stack whose provider lists, revokes and keeps titles."""
    return listing_stack()
