"""Shopify admin tokens: the permanent one of a merchant's secret, or one bought with a client id and secret.

    POST https://{shop}/admin/oauth/access_token   grant_type=client_credentials&client_id=…&client_secret=…
    200 {"access_token": "shpat_…", "scope": "…", "expires_in": 86399}
    400 {"error": "invalid_client", "error_description": "Client authentication failed"}

Source: Shopify's page on the client credentials grant (seen 2026-11-21). Since 2026-01-01 new custom apps get no
permanent token. A bought token is kept in memory only, and renewed before it ends.
"""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from token_broker.clock import Deadline
from token_broker.domain.token import fingerprint
from token_broker.errors import (
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderReply,
    RequestOutcome,
    ShopUnavailable,
)
from token_broker.http.client import HttpClient, Request, error_from_status, malformed_response
from token_broker.http.redaction import redact
from token_broker.http.responses import optional_seconds, token_value
from token_broker.ports.provider import Account

#: Bought anew this long before its end, so that no call starts with a token that ends under way.
RENEW_BEFORE = 300
#: What to assume where Shopify does not say how long the token lives.
ASSUMED_LIFE = 3600
#: Merchants whose bought tokens one process keeps.
MAX_ENTRIES = 256

SHOP_UNAVAILABLE = "Shopify says that the shop is not available: unpaid, frozen or locked."


@dataclass(frozen=True, slots=True)
class _Bought:
    value: str = field(repr=False)
    renew_at: float


class AdminTokens:
    """Hands out the admin token of an account."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._bought: dict[tuple[str, str, str], _Bought] = {}

    def get(self, account: Account, base_url: str, deadline: Deadline) -> str:
        """The token to send as `X-Shopify-Access-Token`. Raises `ProviderRejectedCredentials` and other failures."""
        if "adminAccessToken" in account.credentials:
            return account.credentials["adminAccessToken"]
        key = _key(account)
        bought = self._bought.get(key)
        if bought is None or bought.renew_at <= self._http.clock.now():
            bought = self._buy(account, base_url, deadline)
            if len(self._bought) >= MAX_ENTRIES:
                self._bought.pop(next(iter(self._bought)))
            self._bought[key] = bought
        return bought.value

    def invalidate_credentials(self, account: Account) -> None:
        """Throw the bought token away: Shopify refused it, or the secret changed."""
        if "clientSecret" in account.credentials:
            self._bought.pop(_key(account), None)

    def known(self, account: Account) -> tuple[str, ...]:
        """What was bought for the account, so that it can be kept out of messages."""
        bought = self._bought.get(_key(account)) if "clientSecret" in account.credentials else None
        return () if bought is None else (bought.value,)

    def _buy(self, account: Account, base_url: str, deadline: Deadline) -> _Bought:
        try:
            return self._ask(account, base_url, deadline)
        except ProviderFailure as failure:
            failure.request_outcome = RequestOutcome.NOT_APPLIED  # whatever was bought: no storefront token was made
            raise

    def _ask(self, account: Account, base_url: str, deadline: Deadline) -> _Bought:
        form = {
            "grant_type": "client_credentials",
            "client_id": account.credentials["clientId"],
            "client_secret": account.credentials["clientSecret"],
        }
        # A second purchase costs nothing and harms nothing, so unlike a mint it may be repeated.
        request = Request(
            "POST",
            f"{base_url}/admin/oauth/access_token",
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode(form).encode(),
            repeatable=True,
        )
        response = self._http.send(request, deadline)
        said = response.json()
        if response.status != 200:
            words = said if isinstance(said, dict) else {}
            code, message = (
                redact(word, account.secrets()) if isinstance(word := words.get(name), str) else None
                for name in ("error", "error_description")
            )
            if response.status == 400:
                raise ProviderRejectedCredentials(
                    "Shopify refused the client id and secret. Put valid ones into the merchant's secret.",
                    reply=ProviderReply(response.status, code, message),
                )
            if response.status in (402, 423):
                raise ShopUnavailable(SHOP_UNAVAILABLE, reply=ProviderReply(response.status, code, message))
            raise error_from_status(response, code=code, message=message)
        if not isinstance(said, dict):
            raise malformed_response("it is not a JSON object")
        lasts = optional_seconds(said, "expires_in") or ASSUMED_LIFE
        # A life shorter than twice the margin would be renewed at every call: then half of it has to do.
        margin = min(RENEW_BEFORE, lasts / 2)
        return _Bought(token_value(said, "access_token"), self._http.clock.now() + lasts - margin)


def _key(account: Account) -> tuple[str, str, str]:
    # The secret is part of the key, so a changed secret never meets what the old one bought.
    return account.settings["shop"], account.credentials["clientId"], fingerprint(account.credentials["clientSecret"])
