"""One Shopify storefront access token's record and history."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import GetTokenRecord
from token_broker.listing import RecordedToken


@entry.handler(wiring.SHOPIFY, accepts=GetTokenRecord)
def handler(request: GetTokenRecord, broker: ListingBroker) -> RecordedToken:
    """GET /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}"""
    return broker.token_record(request.merchant, request.token_id)
