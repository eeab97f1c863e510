"""Read requests of servers and native apps to `/clients/{merchant}/…`, which a Lambda authorizer has admitted.

Such a client has no AWS credentials, and no page: its response has no CORS headers. It gets what a storefront gets,
and only its own cache may keep that.
"""

from collections.abc import Mapping

from token_broker.domain.grant import Grant
from token_broker.entrypoints.storefront import StorefrontAdapter
from token_broker.errors import Unauthenticated


class ClientAdapter(StorefrontAdapter):
    """Adapt one request of a client."""

    sharing = "private"

    def caller(self) -> str:
        """Return `client`, for the records only. The grant says what it may have."""
        return "client"

    def grant(self) -> Grant:
        """Return the authorizer's grant. Raises `Unauthenticated` if it is not a client's."""
        if self._granted.client_until is None:
            raise Unauthenticated("The request has no proof of a client.")
        return self._granted

    def _headers(self) -> Mapping[str, str]:
        return {"Vary": "Authorization", "X-Request-Id": self.request_id}
