"""Decide what a storefront or a client may have, by the result of its authorizer.

An authorizer sees no body, and API Gateway may cache its response for 60 s. Therefore it passes on what the proof
allows, and the function compares that with the body and the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from token_broker.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from token_broker.domain.token import Token

#: Seconds by which two machines' clocks may differ.
CLOCK_SKEW = 30
#: The storefront is not told more, since the trust policy is the merchant's own.
_NOT_ALLOWED = "The merchant's trust policy does not allow this request."


class Grant(NamedTuple):
    """Hold what one storefront or client may have of one merchant.

    `origins` has the origin that was admitted, or none. With a proof of a session, `session_id` is the session that it
    names, `expires_at` its expiry in Unix seconds, and `scopes` the scopes that it allows. Without one, the grant is
    for shop-wide tokens only. For a client, `client_until` is the expiry of its proof in Unix seconds.
    """

    merchant: str
    origins: tuple[str, ...] = ()
    session_id: str | None = None
    expires_at: int | None = None
    scopes: tuple[str, ...] = ()
    client_until: int | None = None

    def as_context(self) -> dict[str, str]:
        """Return the grant as an authorizer's context, in which API Gateway allows strings but no lists."""
        context = {"merchant": self.merchant, "origins": " ".join(self.origins)}
        if self.client_until is not None:
            context["clientUntil"] = str(self.client_until)
        if self.session_id is not None:
            context |= {
                "sessionId": self.session_id,
                "expiresAt": str(self.expires_at),
                "scopes": " ".join(self.scopes),
            }
        return context

    @classmethod
    def from_context(cls, context: Any) -> Grant:
        """Return the grant that an authorizer passed on. Raises `Unauthenticated` if the context has none."""
        if not isinstance(context, Mapping) or not isinstance(merchant := context.get("merchant"), str):
            raise Unauthenticated("The request has no storefront identity.")
        origins, session_id = context.get("origins"), context.get("sessionId")
        expires_at, scopes = context.get("expiresAt"), context.get("scopes")
        granted = cls(merchant=merchant, origins=tuple(origins.split()) if isinstance(origins, str) else ())
        if (client_until := context.get("clientUntil")) is not None:
            if (session_id, expires_at, scopes) != (None, None, None) or not str(client_until).isdecimal():
                raise Unauthenticated("The client identity is ambiguous.")
            return granted._replace(client_until=int(str(client_until)))
        if session_id is None and expires_at is None and scopes is None:
            return granted
        if not isinstance(session_id, str) or not isinstance(scopes, str) or not str(expires_at).isdecimal():
            raise Unauthenticated("The storefront identity is incomplete.")
        return granted._replace(session_id=session_id, expires_at=int(str(expires_at)), scopes=tuple(scopes.split()))

    def check_merchant(self, merchant: str) -> None:
        """Check that the grant is for this merchant. Raises `Forbidden`."""
        if merchant != self.merchant:
            raise Forbidden(_NOT_ALLOWED)

    def check_shop(self, merchant: str, now: float) -> None:
        """Check that the grant allows shop-wide tokens.

        Raises `Forbidden`, also if it is for one session, or `Unauthenticated` if the client's proof has expired.
        """
        self.check_merchant(merchant)
        if self.session_id is not None:
            raise Forbidden(_NOT_ALLOWED)
        if self.client_until is not None and now >= self.client_until + CLOCK_SKEW:
            raise Unauthenticated("The proof has expired. Get a new one from its issuer.")

    def check_session(self, merchant: str, session_id: str, scope: tuple[str, ...] | None, now: float) -> None:
        """Check that the grant allows this session's token with these scopes.

        Raises `Forbidden`, or `Unauthenticated` if the proof has expired.
        """
        self.check_merchant(merchant)
        if self.session_id is None or self.expires_at is None:
            raise Forbidden(_NOT_ALLOWED)
        if now >= self.expires_at + CLOCK_SKEW:
            raise Unauthenticated("The proof has expired. Get a new one from the merchant's backend.")
        if session_id != self.session_id:
            raise Forbidden("The proof is for another session. Send the sessionId that it names.")
        if scope is not None and not set(scope) <= set(self.scopes):
            raise Forbidden(
                "The merchant's trust policy does not allow all of these scopes. Send fewer, or leave 'scope' out."
            )

    def check_token(self, token: Token) -> None:
        """Check that the grant allows all scopes of a session's token. Raises `Forbidden`.

        The token may have been created for another caller with more scopes. If the provider names no scopes, it has
        granted the requested ones. If none were requested, the scopes are unknown and the token is not allowed.
        """
        granted = token.scope or token.requested_scope
        if not granted or not set(granted) <= set(self.scopes):
            raise Forbidden(
                "This session's token has scopes that the merchant's trust policy does not allow to storefronts."
            )
