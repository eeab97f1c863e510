"""Declare what Fourthwall can do."""

from token_broker.ports.provider import Capabilities, Profile

PROFILE = Profile(
    name="fourthwall",
    capabilities=Capabilities(recheck_after=24 * 60 * 60),
    page_operations=("public-token",),
)
