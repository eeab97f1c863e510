"""A stack in memory, whose provider lists, revokes and rotates."""

import pytest

from tests.fakes.surroundings import ListingStack, listing_stack


@pytest.fixture
def stack() -> ListingStack:
    return listing_stack()
