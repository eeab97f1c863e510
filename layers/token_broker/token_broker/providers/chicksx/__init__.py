"""Declare what ChicksX can do. `client` talks to it."""

from token_broker.ports.provider import Capabilities, Profile

PROFILE = Profile(
    name="chicksx",
    capabilities=Capabilities(sessions=True, expires=True),
    session_operations=("public-tokens",),
)
