"""List a merchant's preview origins."""

from typing import Any

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import MerchantInput
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker.wiring import preview_origins


@entrypoint(preview_origins(), "storefronts/list_preview_origins", accepts=MerchantInput, events=("api", "direct"))
def handler(request: MerchantInput, previews: PreviewOrigins) -> dict[str, Any]:
    """Handle GET /operations/merchants/{merchant}/preview-origins: list the origins that have not ended."""
    current = previews.current(request.merchant)
    return {"previewOrigins": [{"origin": origin, "expiresAt": end} for origin, end in current.items()]}
