"""Declare what Fourthwall can do. `client` talks to it."""

from token_broker.ports.provider import Capabilities, Profile

PROFILE = Profile(
    name="fourthwall",
    capabilities=Capabilities(renews=True, recheck_after=24 * 60 * 60),
    page_operations=("public-token",),
)
