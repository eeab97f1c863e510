"""Talk to Fourthwall, which keeps one public token for each shop.

    PUT {base}/open-api/v1.0/public-token      Basic username:password, or Bearer with the scope shop_read
    200 {"token": "ptkn_…"}                    the shop's token, created if there was none

The source is the OpenAPI document "Fourthwall APIs", operation get-public-token. There is no list, rotation,
revocation or expiry. A storefront sends the token as `?storefront_token=` to
https://storefront-api.fourthwall.com/v1/. An error's body is `{"code": "SOME_CODE"}`, often without a message.
Requests above 100 in 10 s are delayed and not rejected.
"""

import base64
from collections.abc import Mapping
from typing import Any

from token_broker.clock import Deadline
from token_broker.domain.merchant_secret import fields_of
from token_broker.domain.token import ProviderToken, Use, fingerprint
from token_broker.http.client import HttpClient, Request, error_from_status, malformed_response
from token_broker.http.responses import reject_leaked_credentials, reply_of, token_value
from token_broker.ports.provider import Account, MintRequest
from token_broker.providers.fourthwall import PROFILE

SHAPES = (frozenset({"username", "password"}), frozenset({"accessToken"}))
USE = Use("query", "storefront_token", "https://storefront-api.fourthwall.com/v1/")


class Fourthwall:
    """Talk to Fourthwall at `base_url`, which has no slash at its end."""

    name = PROFILE.name
    capabilities = PROFILE.capabilities

    def __init__(self, http: HttpClient, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """Return the account with the secret's credentials. Raises `MerchantMisconfigured`.

        They are an API key's username and password, or an OAuth access token.
        """
        return Account(merchant, fields_of(PROFILE.name, merchant, secret, shapes=SHAPES))

    def invalidate_credentials(self, account: Account) -> None:
        """Do nothing, because Fourthwall has no session credentials."""

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """Return the shop's token. The PUT can be repeated, because it returns the same token again."""
        del mint_request  # a shop has only one token
        url = f"{self._base_url}/open-api/v1.0/public-token"
        response = self._http.send(Request("PUT", url, {"Authorization": _authorization(account)}), deadline)
        if response.status != 200:
            raise error_from_status(response, reply_of(response, _secrets(account)))
        data = response.json()
        if not isinstance(data, dict):
            raise malformed_response("it is not a JSON object")
        value = token_value(data, "token")
        minted = ProviderToken(
            token_id=fingerprint(value),
            access_token=value,
            token_type="public_token",  # noqa: S106  # a type, not a value
            scope=(),
            issued_at=int(self._http.clock.now()),
            expires_at=None,
            use=USE,
        )
        return reject_leaked_credentials(minted, _secrets(account))


def _pair(account: Account) -> str:
    """Return the text that Basic authentication encodes."""
    return f"{account.credentials['username']}:{account.credentials['password']}"


def _authorization(account: Account) -> str:
    if "accessToken" in account.credentials:
        return f"Bearer {account.credentials['accessToken']}"
    return f"Basic {base64.b64encode(_pair(account).encode()).decode()}"


def _secrets(account: Account) -> tuple[str, ...]:
    """Return the values to redact, including the pair, because its encoding contains neither value's encoding."""
    return account.secrets() if "accessToken" in account.credentials else (*account.secrets(), _pair(account))
