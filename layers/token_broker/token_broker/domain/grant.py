"""What a storefront's authorizer has established, and the function's half of the decision.

An authorizer sees no body, and API Gateway may replay its answer for 60 s. So it passes on what the proof is good for,
and the function compares that with the body and the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from token_broker.errors import Forbidden, Unauthenticated

#: Seconds by which two machines' clocks may differ.
CLOCK_SKEW = 30
#: What the storefront itself is told: who may do what is the merchant's business.
_BEYOND = "The merchant's trust policy does not allow this storefront what it asks for."


class Scoped(Protocol):
    """A token, as far as it matters here: an authorizer starts without knowing what else tokens are."""

    @property
    def scope(self) -> tuple[str, ...]: ...
    @property
    def requested_scope(self) -> tuple[str, ...] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one storefront may have of one merchant.

    `origins` are those of the merchant's pages. With a proof, `session_id` is the session that it names, `expires_at`
    its end in Unix seconds, and `scopes` what may be asked for; without one, shop-wide tokens only.
    """

    merchant: str
    origins: tuple[str, ...] = ()
    session_id: str | None = None
    expires_at: int | None = None
    scopes: tuple[str, ...] = ()

    def as_context(self) -> dict[str, str]:
        """The authorizer's context: API Gateway carries texts, and no lists."""
        context = {"merchant": self.merchant, "origins": " ".join(self.origins)}
        if self.session_id is not None:
            context |= {
                "sessionId": self.session_id,
                "expiresAt": str(self.expires_at),
                "scopes": " ".join(self.scopes),
            }
        return context

    @classmethod
    def from_context(cls, context: Any) -> "Grant":
        """The grant that an authorizer passed on. Raises `Unauthenticated` where it is none."""
        if not isinstance(context, Mapping) or not isinstance(merchant := context.get("merchant"), str):
            raise Unauthenticated("No storefront's identity came with this request.")
        origins, session_id = context.get("origins"), context.get("sessionId")
        expires_at, scopes = context.get("expiresAt"), context.get("scopes")
        granted = cls(merchant=merchant, origins=tuple(origins.split()) if isinstance(origins, str) else ())
        if session_id is None and expires_at is None and scopes is None:
            return granted
        if not isinstance(session_id, str) or not isinstance(scopes, str) or not str(expires_at).isdecimal():
            raise Unauthenticated("The storefront's identity is not complete.")
        return cls(
            merchant=merchant,
            origins=granted.origins,
            session_id=session_id,
            expires_at=int(str(expires_at)),
            scopes=tuple(scopes.split()),
        )

    def check_merchant(self, merchant: str) -> None:
        """Raises `Forbidden` for another merchant."""
        if merchant != self.merchant:
            raise Forbidden(_BEYOND)

    def check_shop(self, merchant: str) -> None:
        """Whether shop-wide tokens may be had. Raises `Forbidden`: a proof is good for its session alone."""
        self.check_merchant(merchant)
        if self.session_id is not None:
            raise Forbidden(_BEYOND)

    def check_session(self, merchant: str, session_id: str, scope: tuple[str, ...] | None, now: float) -> None:
        """Whether this session's token may be had with these scopes. Raises `Forbidden`, `Unauthenticated`."""
        self.check_merchant(merchant)
        if self.session_id is None or self.expires_at is None:
            raise Forbidden(_BEYOND)
        if now >= self.expires_at + CLOCK_SKEW:
            raise Unauthenticated("The proof has expired. Get a new one from the merchant's backend.")
        if session_id != self.session_id:
            raise Forbidden("The proof is for another session. Send the sessionId that it names.")
        if scope is not None and not set(scope) <= set(self.scopes):
            raise Forbidden("The merchant's trust policy does not allow all of these scopes. Ask for fewer, or none.")

    def check_token(self, token: Scoped) -> None:
        """Whether a session's token may be handed over: it can have been made with more. Raises `Forbidden`.

        A provider that names no scopes has granted those that were asked for; where none were, nobody knows.
        """
        granted = token.scope or token.requested_scope
        if not granted or not set(granted) <= set(self.scopes):
            raise Forbidden("This session's token has scopes that the merchant's trust policy keeps from storefronts.")
