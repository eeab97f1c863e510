"""Migrate a merchant's permanent Shopify token."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import MigrateToken
from token_broker.lifecycle.migrate import migrate
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.wiring import PROVIDER_CALLS, shopify


@entrypoint(shopify(PROVIDER_CALLS), "shopify/migrate_token", accepts=MigrateToken, events=("api", "direct"))
def handler(request: MigrateToken, call: Call[ListingProvider]) -> Reply:
    """Handle POST /operations/merchants/{merchant}/shopify/token-migrations: exchange it for an expiring pair."""
    report = migrate(call, request.merchant, confirm=request.confirm)
    return Reply(report, report.status)
