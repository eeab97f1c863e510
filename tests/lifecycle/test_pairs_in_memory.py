"""Expiring credentials under random interleavings, faults and clocks, over the store in memory."""

from tests.lifecycle.bounds import search
from tests.lifecycle.pair_machine import Pairs

TestPairs = Pairs.TestCase
TestPairs.settings = search(examples=200, long=8_000)
