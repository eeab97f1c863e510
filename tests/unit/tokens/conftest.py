"""Build the surroundings of one call."""

import pytest

from tests.fakes.surroundings import ListingStack, listing_stack


@pytest.fixture
def stack() -> ListingStack:
    """Build a stack whose provider lists, revokes and keeps titles."""
    return listing_stack()
