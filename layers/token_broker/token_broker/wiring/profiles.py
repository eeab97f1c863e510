"""List what the providers declare. The authorizers import this without any provider's client."""

from token_broker.providers.chicksx.profile import PROFILE as CHICKSX
from token_broker.providers.fourthwall.profile import PROFILE as FOURTHWALL
from token_broker.providers.shopify.profile import PROFILE as SHOPIFY

#: A further provider is one more line.
PROFILES = (
    FOURTHWALL,
    CHICKSX,
    SHOPIFY,
)

#: The operations that a storefront can be admitted to, as in `shopify/storefront-access-token`.
PAGE_OPERATIONS = tuple(f"{each.name}/{operation}" for each in PROFILES for operation in each.page_operations)
SESSION_OPERATIONS = tuple(f"{each.name}/{operation}" for each in PROFILES for operation in each.session_operations)
