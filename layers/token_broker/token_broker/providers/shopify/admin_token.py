"""Get the admin token that a request to Shopify's Admin API needs.

An account has a permanent token, the access token of an expiring pair, or a client id and secret. The last gets a token
of 24 hours by the client credentials grant. That token is kept in memory only, and renewed before it expires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from token_broker.bounded_cache import BoundedCache
from token_broker.domain.credential_pair import RENEW_BEFORE
from token_broker.domain.shown import shown
from token_broker.errors import ProviderFailure, RequestOutcome
from token_broker.http.responses import optional_seconds, token_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Clock, Deadline
    from token_broker.ports.provider import Account
    from token_broker.providers.shopify.token_endpoint import TokenEndpoint

#: Seconds that a token is assumed to live if Shopify returns no lifetime.
ASSUMED_LIFE = 3600


class _GrantedToken(NamedTuple):
    value: str
    renew_at: float

    def __repr__(self) -> str:
        return shown(self, without=("value",))


class AdminTokens:
    """Get the admin token of an account. `endpoint` returns the token endpoint, which few accounts need."""

    def __init__(self, endpoint: Callable[[], TokenEndpoint], clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._granted = BoundedCache[str, _GrantedToken](clock)

    def get(self, account: Account, deadline: Deadline) -> str:
        """Return the token for the header `X-Shopify-Access-Token`.

        Raises a `ProviderFailure`, for example `ProviderRejectedCredentials`.
        """
        for name in ("accessToken", "adminAccessToken"):
            if name in account.credentials:
                return account.credentials[name]
        # The key includes the secret, so that a changed secret never gets the old secret's token.
        key = account.fingerprint()
        granted = self._granted.get(key)
        if granted is None or granted.renew_at <= self._clock.now():
            try:
                granted = self._request(account, deadline)
            except ProviderFailure as failure:
                failure.request_outcome = RequestOutcome.NOT_APPLIED  # no storefront token was created in any case
                raise
            self._granted.put(key, granted)
        return granted.value

    def invalidate_credentials(self, account: Account) -> None:
        """Drop the granted token, because Shopify rejected it or the secret has changed."""
        self._granted.drop(account.fingerprint())

    def known(self, account: Account) -> tuple[str, ...]:
        """Return the account's granted token, so that it can be redacted from messages."""
        granted = self._granted.get(account.fingerprint())
        return () if granted is None else (granted.value,)

    def _request(self, account: Account, deadline: Deadline) -> _GrantedToken:
        body = self._endpoint().client_credentials(account, deadline)
        lifetime = optional_seconds(body, "expires_in") or ASSUMED_LIFE
        # A short-lived token is renewed after half of its lifetime, and not before every call.
        renew_before = min(RENEW_BEFORE, lifetime / 2)
        return _GrantedToken(token_value(body, "access_token"), self._clock.now() + lifetime - renew_before)
