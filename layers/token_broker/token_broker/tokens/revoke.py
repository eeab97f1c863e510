"""Revoke a token: mark it first, so that it is never served again, then ask the provider until it confirms."""

from token_broker.domain.token import Change, Origin, Reason, RevocationStatus, State, Token
from token_broker.errors import Conflict, ProviderFailure, TokenNotFound
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.inventory import without_record


def revoke(call: Call[ListingProvider], merchant: str, token_id: str, *, foreign: bool = False) -> RevocationStatus:
    """Revoke the token, and return whether the provider has confirmed. If it has not, the worker asks again.

    Raises `InvalidRequest` if the provider has no such ids, and `TokenNotFound` if neither a record nor the provider
    has the token. Raises `Conflict` if the token is foreign and `foreign` is False, or if it belongs to another
    provider account.
    """
    if not call.capabilities.revokes:
        return RevocationStatus.UNSUPPORTED  # the token keeps working, so it is not marked
    call.provider.check_token_id(token_id)
    until = call.deadline.within(PROVIDER_BUDGET)
    token = call.store.tokens.get(merchant, token_id)
    if token is None:
        token = _found_at_provider(call, merchant, token_id)
    if token.state is State.REVOKED:
        return RevocationStatus.CONFIRMED
    if token.origin is Origin.FOREIGN and token.state is not State.REVOKING and not foreign:
        raise Conflict(
            "This stack did not create the token, and somebody else may be using it. "
            "To revoke it nevertheless, send foreign=true."
        )
    require_account(call, token)  # before the mark: without a usable secret the provider cannot be asked
    change = Change(call.caller, Reason.REQUESTED)
    call.telemetry.annotate(fingerprint=token.digest)
    call.store.tokens.mark_revoking(token, change)
    call.cache.drop(merchant)
    try:
        call.with_credential_refresh(merchant, lambda account: call.provider.revoke(account, token_id, until))
    except ProviderFailure as failure:
        if not failure.retryable:
            raise
        call.telemetry.notice("revocation_pending", code=failure.code, token_id=token_id)
        call.telemetry.count("RevocationsPending")
        return RevocationStatus.PENDING
    call.store.tokens.mark_revoked(token, change)
    call.telemetry.count("TokensRevoked")
    return RevocationStatus.CONFIRMED


def require_account(call: Call[ListingProvider], token: Token) -> None:
    """Check that the secret is for the token's provider account. Raises `Conflict`."""
    if token.account_id not in ("", call.account(token.merchant).account_id):
        raise Conflict(
            "The token was created at another shop than the one in the merchant's secret. Restore the secret of that "
            "shop to revoke the token there."
        )


def _found_at_provider(call: Call[ListingProvider], merchant: str, token_id: str) -> Token:
    """Return a listed token without a record: a foreign one, or one of ours after a lost response."""
    until = call.deadline.within(PROVIDER_BUDGET)
    for listed in call.with_credential_refresh(merchant, lambda account: call.provider.list_tokens(account, until)):
        if listed.token.token_id == token_id:
            return without_record(call, merchant, listed, call.store.tokens.broker_id())
    raise TokenNotFound(
        "Neither this stack nor the provider knows a token with this id. List the tokens to see those that exist."
    )
