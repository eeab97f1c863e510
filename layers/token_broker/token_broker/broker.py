"""What a handler can ask for. Each method is one operation of the product for one call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import RevocationStatus, Token
from token_broker.errors import Forbidden
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.call import Call
from token_broker.tokens.issue import session_token, shop_token, standing_token

if TYPE_CHECKING:  # what no token waits for is loaded where it is done
    from token_broker.domain.precondition import Precondition
    from token_broker.lifecycle.reconcile import ReconciliationReport
    from token_broker.lifecycle.rotate import RotationReport, Unsupported
    from token_broker.lifecycle.worker import WorkSummary
    from token_broker.tokens.close_session import ClosedSession
    from token_broker.tokens.listing import RecordedToken, TokenList


class Broker[P: Provider]:
    """The operations that every provider has."""

    def __init__(self, call: Call[P]) -> None:
        self._call = call

    @property
    def _trusted(self) -> Call[P]:
        """The call, if no storefront makes it. Raises `Forbidden`."""
        if self._call.grant is not None:
            raise Forbidden("Storefronts can only ask for the current token.")
        return self._call

    def shop_token(self, merchant: str, *, fresh: bool = False) -> Token:
        """The token that stands for the shop; minted if there is none."""
        if self._call.grant is None:
            return shop_token(self._call, merchant, fresh=fresh)
        self._call.grant.check_shop(merchant)
        return self._call.cache.get_unless_failed_recently(merchant, lambda: shop_token(self._call, merchant))

    def session_token(self, merchant: str, session_id: str, scope: tuple[str, ...] | None = None) -> tuple[Token, bool]:
        """The token of one checkout session, and whether it was made just now.

        A storefront that names no scopes asks for all that the merchant's trust policy allows.
        """
        grant = self._call.grant
        if grant is None:
            return session_token(self._call, merchant, session_id, scope)
        grant.check_session(merchant, session_id, scope, self._call.clock.now())
        token, created = session_token(self._call, merchant, session_id, scope, default_scope=grant.scopes)
        grant.check_token(token)
        return token, created

    def rotate(self, merchant: str, *, compromised: bool = False) -> "RotationReport | Unsupported":
        """Another token becomes current; the one before it works on for its overlap, unless it is `compromised`."""
        from token_broker.lifecycle.rotate import rotate

        return rotate(self._trusted, merchant, compromised=compromised)

    def close_session(self, merchant: str, session_id: str, order_id: str | None = None) -> "ClosedSession":
        """The session's order is placed: no token for it ever again."""
        from token_broker.tokens.close_session import close_session

        return close_session(self._trusted, merchant, session_id, order_id)


class ListingBroker(Broker[ListingProvider]):
    """The operations of a provider that can list and revoke: for merchants' backends and operators."""

    def create_token(self, merchant: str, title: str, *, idempotency_key: str | None = None) -> Token:
        """One more token, standing beside the current one."""
        return standing_token(self._trusted, merchant, title, idempotency_key)

    def list_tokens(self, merchant: str) -> "TokenList":
        """All tokens at the provider, ours and foreign."""
        from token_broker.tokens.listing import list_tokens

        return list_tokens(self._trusted, merchant)

    def revoke(self, merchant: str, token_id: str, *, foreign: bool = False) -> RevocationStatus:
        """End a token; what the provider has said to that."""
        if not self._trusted.provider.capabilities.revokes:
            return RevocationStatus.UNSUPPORTED  # and so nothing is marked: the token lives on
        from token_broker.tokens.revoke import revoke

        confirmed = revoke(self._trusted, merchant, token_id, foreign=foreign)
        return RevocationStatus.CONFIRMED if confirmed else RevocationStatus.PENDING

    def token_record(self, merchant: str, token_id: str) -> "RecordedToken":
        """One token's record with its history; the provider is not asked."""
        from token_broker.tokens.listing import recorded_token

        return recorded_token(self._trusted, merchant, token_id)

    def rotation_settings(self, merchant: str) -> tuple[RotationSettings, int]:
        """How the merchant's tokens are rotated, and the settings' revision; 0 where nobody has set any."""
        from token_broker.lifecycle import rotation_settings

        return rotation_settings.shown(self._trusted, merchant)

    def change_rotation_settings(self, merchant: str, settings: RotationSettings, precondition: "Precondition") -> int:
        """Have the merchant's tokens be rotated like this from now on; the settings' new revision."""
        from token_broker.lifecycle import rotation_settings

        return rotation_settings.change(self._trusted, merchant, settings, precondition)

    def reconcile(self, merchant: str, *, apply: bool = False) -> "ReconciliationReport":
        """Compare our records with the provider's list, and put ours right if that is to be applied."""
        from token_broker.lifecycle.reconcile import reconcile

        return reconcile(self._trusted, merchant, apply=apply)

    def maintain(self, merchant: str, items: Sequence[str]) -> "WorkSummary":
        """Work on what is due of the merchant; for the clock."""
        from token_broker.lifecycle.worker import maintain

        return maintain(self._trusted, merchant, items)
