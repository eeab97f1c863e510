"""Offer the product's operations to the handlers. Each method is one operation of one call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import RevocationStatus, Token
from token_broker.errors import Forbidden
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.call import Call
from token_broker.tokens.issue import session_token, shop_token, standing_token

if TYPE_CHECKING:  # issuing a token does not wait for these imports
    from token_broker.domain.revision import Precondition
    from token_broker.lifecycle.reconcile import ReconciliationReport
    from token_broker.lifecycle.rotate import RotationReport, Unsupported
    from token_broker.lifecycle.worker import WorkSummary
    from token_broker.tokens.close_session import ClosedSession
    from token_broker.tokens.listing import RecordedToken, TokenList


class Broker[P: Provider]:
    """Offer the operations that every provider has."""

    def __init__(self, call: Call[P]) -> None:
        self._call = call

    @property
    def _trusted(self) -> Call[P]:
        """Return the call. Raises `Forbidden` if a storefront makes it."""
        if self._call.grant is not None:
            raise Forbidden("Storefronts can only ask for the current token.")
        return self._call

    def shop_token(self, merchant: str, *, fresh: bool = False) -> Token:
        """Return the shop's current token, and mint it if there is none. `fresh` skips the cache.

        For a storefront, `fresh` has no effect, and a failure is cached for a few seconds.
        """
        if self._call.grant is None:
            return shop_token(self._call, merchant, fresh=fresh)
        self._call.grant.check_shop(merchant)
        return self._call.cache.get_unless_failed_recently(merchant, lambda: shop_token(self._call, merchant))

    def session_token(self, merchant: str, session_id: str, scope: tuple[str, ...] | None = None) -> tuple[Token, bool]:
        """Return the token of one checkout session, and whether it was minted by this call.

        A storefront that names no scopes gets all that the merchant's trust policy allows.
        """
        grant = self._call.grant
        if grant is None:
            return session_token(self._call, merchant, session_id, scope)
        grant.check_session(merchant, session_id, scope, self._call.clock.now())
        token, created = session_token(self._call, merchant, session_id, scope, default_scope=grant.scopes)
        grant.check_token(token)
        return token, created

    def rotate(self, merchant: str, *, compromised: bool = False) -> "RotationReport | Unsupported":
        """Replace the current token. The previous one keeps working for its overlap, unless it is `compromised`."""
        from token_broker.lifecycle.rotate import rotate

        return rotate(self._trusted, merchant, compromised=compromised)

    def close_session(self, merchant: str, session_id: str, order_id: str | None = None) -> "ClosedSession":
        """Close the session, so that it never gets a token again."""
        from token_broker.tokens.close_session import close_session

        return close_session(self._trusted, merchant, session_id, order_id)


class ListingBroker(Broker[ListingProvider]):
    """Offer the operations of a provider that can list and revoke tokens."""

    def create_token(self, merchant: str, title: str, *, idempotency_key: str | None = None) -> Token:
        """Create a standing token."""
        return standing_token(self._trusted, merchant, title, idempotency_key)

    def list_tokens(self, merchant: str) -> "TokenList":
        """Return all tokens at the provider, including foreign ones."""
        from token_broker.tokens.listing import list_tokens

        return list_tokens(self._trusted, merchant)

    def revoke(self, merchant: str, token_id: str, *, foreign: bool = False) -> RevocationStatus:
        """Revoke a token, and return whether the provider has confirmed."""
        if not self._trusted.provider.capabilities.revokes:
            return RevocationStatus.UNSUPPORTED  # the token keeps working, so it is not marked
        from token_broker.tokens.revoke import revoke

        confirmed = revoke(self._trusted, merchant, token_id, foreign=foreign)
        return RevocationStatus.CONFIRMED if confirmed else RevocationStatus.PENDING

    def token_record(self, merchant: str, token_id: str) -> "RecordedToken":
        """Return one token's record with its history, without a request to the provider."""
        from token_broker.tokens.listing import recorded_token

        return recorded_token(self._trusted, merchant, token_id)

    def rotation_settings(self, merchant: str) -> tuple[RotationSettings, int]:
        """Return the merchant's rotation settings and their revision, or the defaults and 0 if none are stored."""
        from token_broker.lifecycle import rotation_settings

        return rotation_settings.shown(self._trusted, merchant)

    def change_rotation_settings(self, merchant: str, settings: RotationSettings, precondition: "Precondition") -> int:
        """Store the merchant's rotation settings, and return their new revision."""
        from token_broker.lifecycle import rotation_settings

        return rotation_settings.change(self._trusted, merchant, settings, precondition)

    def reconcile(self, merchant: str, *, apply: bool = False) -> "ReconciliationReport":
        """Compare our records with the provider's list, and correct the records if `apply` is True."""
        from token_broker.lifecycle.reconcile import reconcile

        return reconcile(self._trusted, merchant, apply=apply)

    def maintain(self, merchant: str, items: Sequence[str]) -> "WorkSummary":
        """Do the merchant's pending work. `items` are the sort keys that the dispatcher has sent."""
        from token_broker.lifecycle.worker import maintain

        return maintain(self._trusted, merchant, items)
