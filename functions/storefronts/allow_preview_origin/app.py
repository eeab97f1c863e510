"""Allow a preview origin for a limited time."""

from typing import Any

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import AllowPreviewOrigin
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker.wiring import WRITES, preview_origins


@entrypoint(
    preview_origins(WRITES),
    "storefronts/allow_preview_origin",
    accepts=AllowPreviewOrigin,
    events=("api", "direct"),
    success=201,
)
def handler(request: AllowPreviewOrigin, previews: PreviewOrigins) -> dict[str, Any]:
    """Handle POST /operations/merchants/{merchant}/preview-origins: allow one more origin until its end."""
    ends_at = previews.allow(request.merchant, request.origin, request.expires_in)
    return {"origin": request.origin, "expiresAt": ends_at}
