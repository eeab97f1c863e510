"""Declare what ChicksX can do."""

from token_broker.ports.provider import Capabilities, Profile

PROFILE = Profile(
    name="chicksx",
    capabilities=Capabilities(sessions=True, expires=True),
    session_operations=("public-tokens",),
)
