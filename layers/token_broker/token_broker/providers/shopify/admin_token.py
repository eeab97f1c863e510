"""Get Shopify admin tokens, from the merchant's secret or by the client credentials grant.

    POST https://{shop}/admin/oauth/access_token   grant_type=client_credentials&client_id=…&client_secret=…
    200 {"access_token": "shpat_…", "scope": "…", "expires_in": 86399}
    400 {"error": "invalid_client", "error_description": "Client authentication failed"}

The source is Shopify's page on the client credentials grant (seen 2026-11-21). Since 2026-01-01 new custom apps get no
permanent token. A granted token is kept in memory only, and renewed before it expires.
"""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from token_broker.bounded_cache import BoundedCache
from token_broker.clock import Deadline
from token_broker.domain.token import fingerprint
from token_broker.errors import ProviderFailure, ProviderRejectedCredentials, RequestOutcome, ShopUnavailable
from token_broker.http.client import HttpClient, Request, error_from_status, malformed_response
from token_broker.http.responses import optional_seconds, reply_of, token_value
from token_broker.ports.provider import Account

#: Seconds before its expiry at which a token is renewed, so that it does not expire during a call.
RENEW_BEFORE = 300
#: Seconds that a token is assumed to live if Shopify returns no lifetime.
ASSUMED_LIFE = 3600

SHOP_UNAVAILABLE = "Shopify reports that the shop is unpaid, frozen or locked. The shop's owner must reactivate it."


@dataclass(frozen=True, slots=True)
class _GrantedToken:
    value: str = field(repr=False)
    renew_at: float


class AdminTokens:
    """Get the admin token of an account."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._granted = BoundedCache[tuple[str, str, str], _GrantedToken](http.clock)

    def get(self, account: Account, base_url: str, deadline: Deadline) -> str:
        """Return the token for the header `X-Shopify-Access-Token`.

        Raises a `ProviderFailure`, for example `ProviderRejectedCredentials`.
        """
        if "adminAccessToken" in account.credentials:
            return account.credentials["adminAccessToken"]
        key = _key(account)
        granted = self._granted.get(key)
        if granted is None or granted.renew_at <= self._http.clock.now():
            try:
                granted = self._request(account, base_url, deadline)
            except ProviderFailure as failure:
                failure.request_outcome = RequestOutcome.NOT_APPLIED  # no storefront token was created in any case
                raise
            self._granted.put(key, granted)
        return granted.value

    def invalidate_credentials(self, account: Account) -> None:
        """Drop the granted token, because Shopify rejected it or the secret has changed."""
        if "clientSecret" in account.credentials:
            self._granted.drop(_key(account))

    def known(self, account: Account) -> tuple[str, ...]:
        """Return the account's granted token, so that it can be redacted from messages."""
        granted = self._granted.get(_key(account)) if "clientSecret" in account.credentials else None
        return () if granted is None else (granted.value,)

    def _request(self, account: Account, base_url: str, deadline: Deadline) -> _GrantedToken:
        form = {
            "grant_type": "client_credentials",
            "client_id": account.credentials["clientId"],
            "client_secret": account.credentials["clientSecret"],
        }
        # A second grant does no harm, so this POST can be repeated.
        request = Request(
            "POST",
            f"{base_url}/admin/oauth/access_token",
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode(form).encode(),
            repeatable=True,
        )
        response = self._http.send(request, deadline)
        body = response.json()
        if response.status != 200:
            reply = reply_of(response, account.secrets(), code="error", message="error_description")
            if response.status == 400:
                raise ProviderRejectedCredentials(
                    "Shopify rejected the client id and client secret. Put valid ones into the merchant's secret.",
                    reply=reply,
                )
            if response.status in (402, 423):
                raise ShopUnavailable(SHOP_UNAVAILABLE, reply=reply)
            raise error_from_status(response, reply)
        if not isinstance(body, dict):
            raise malformed_response("it is not a JSON object")
        lifetime = optional_seconds(body, "expires_in") or ASSUMED_LIFE
        # A short-lived token is renewed after half of its lifetime, and not before every call.
        renew_before = min(RENEW_BEFORE, lifetime / 2)
        return _GrantedToken(token_value(body, "access_token"), self._http.clock.now() + lifetime - renew_before)


def _key(account: Account) -> tuple[str, str, str]:
    # The key includes the secret, so that a changed secret never gets the old secret's token.
    return account.settings["shop"], account.credentials["clientId"], fingerprint(account.credentials["clientSecret"])
