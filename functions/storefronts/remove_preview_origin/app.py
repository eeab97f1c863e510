"""Remove a preview origin before its end."""

from typing import Any

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import RemovePreviewOrigin
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker.wiring import WRITES, preview_origins


@entrypoint(
    preview_origins(WRITES), "storefronts/remove_preview_origin", accepts=RemovePreviewOrigin, events=("api", "direct")
)
def handler(request: RemovePreviewOrigin, previews: PreviewOrigins) -> dict[str, Any]:
    """Handle DELETE /operations/merchants/{merchant}/preview-origins: remove an origin."""
    return {"deleted": previews.remove(request.merchant, request.origin)}
