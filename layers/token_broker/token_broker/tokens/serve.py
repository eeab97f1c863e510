"""Serve the shop's or a session's token to whoever asks. A storefront or client gets what its grant allows."""

from token_broker.domain.token import Token
from token_broker.ports.provider import Provider
from token_broker.tokens import issue
from token_broker.tokens.call import Call


def shop_token(call: Call[Provider], merchant: str, *, fresh: bool = False) -> Token:
    """Return the shop's current token, and mint it if there is none. `fresh` skips the cache.

    With a grant, `fresh` has no effect, and a failure is cached for a few seconds. Raises `Forbidden` if the grant is
    for another merchant or for a session, and `Unauthenticated` if it has ended.
    """
    if call.grant is None:
        return issue.shop_token(call, merchant, fresh=fresh)
    call.grant.check_shop(merchant, call.clock.now())
    return call.cache.get_unless_failed_recently(merchant, lambda: issue.shop_token(call, merchant))


def session_token(
    call: Call[Provider], merchant: str, session_id: str, scope: tuple[str, ...] | None = None
) -> tuple[Token, bool]:
    """Return the token of one checkout session, and whether it was minted by this call.

    A storefront that names no scopes gets all that the merchant's trust policy allows. Raises `Unauthenticated` if the
    grant has ended, and `Forbidden` if it does not allow the session, the scopes or the token.
    """
    grant = call.grant
    if grant is None:
        return issue.session_token(call, merchant, session_id, scope)
    grant.check_session(merchant, session_id, scope, call.clock.now())
    token, created = issue.session_token(call, merchant, session_id, scope, default_scope=grant.scopes)
    grant.check_token(token)
    return token, created
