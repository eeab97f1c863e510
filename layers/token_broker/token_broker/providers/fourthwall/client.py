"""Talk to Fourthwall, which keeps one public token for each shop.

    PUT {base}/open-api/v1.0/public-token      Basic username:password, or Bearer with the scope shop_read
    200 {"token": "ptkn_…"}                    the shop's token, created if there was none

    POST {base}/open-api/v1.0/platform/token   form-encoded, with client_id, client_secret, grant_type=refresh_token
    200 {"access_token", "refresh_token", "expires_in": 300}

The source is the OpenAPI document "Fourthwall APIs", operation get-public-token. There is no list, rotation,
revocation or expiry. A storefront sends the token as `?storefront_token=` to
https://storefront-api.fourthwall.com/v1/. An error's body is `{"code": "SOME_CODE"}`, often without a message.
Requests above 100 in 10 s are delayed and not rejected. The answer of the token endpoint is known from public clients
only (seen 2026-11-28). The refresh token seems to stay the same. A new one is kept if one comes.
"""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from token_broker import settings
from token_broker.clock import Deadline
from token_broker.domain.credential_pair import CredentialPair
from token_broker.domain.merchant_secret import fields_of
from token_broker.domain.token import ProviderToken, Use, fingerprint
from token_broker.errors import ProviderFailure, ProviderRejectedCredentials
from token_broker.http.client import HttpClient, HttpResponse, Request, error_from_status, malformed_response
from token_broker.http.responses import optional_seconds, reject_leaked_credentials, reply_of, token_value
from token_broker.ports.provider import Account, MintRequest, RefreshingProvider, RefreshTokenRefused
from token_broker.providers.fourthwall import PROFILE

SHAPES = (
    frozenset({"username", "password"}),
    frozenset({"accessToken"}),
    frozenset({"clientId", "clientSecret", "refreshToken"}),
)
#: Seconds that an access token is assumed to live if Fourthwall returns no lifetime.
ASSUMED_LIFE = 300
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

        They are an API key's username and password, an OAuth access token, or an OAuth client with a refresh token.
        """
        account = Account(merchant, fields_of(PROFILE.name, merchant, secret, shapes=SHAPES))
        if "refreshToken" not in account.credentials:
            return account
        # A changed client secret changes no origin, because the refresh token stays valid.
        known = account.credentials
        return account._replace(origin=fingerprint(repr((known["clientId"], known["refreshToken"]))))

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        """Return the next pair, with the same refresh token unless a new one came."""
        form = {
            "grant_type": "refresh_token",
            "client_id": account.credentials["clientId"],
            "client_secret": account.credentials["clientSecret"],
            "refresh_token": refresh_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self._base_url}/open-api/v1.0/platform/token"
        response = self._http.send(Request("POST", url, headers, urlencode(form).encode(), repeatable=True), deadline)
        if response.status != 200:
            raise _refresh_refusal(response, (*account.secrets(), refresh_token))
        body = response.json()
        if not isinstance(body, dict):
            raise malformed_response("it is not a JSON object")
        now = int(self._http.clock.now())
        return CredentialPair(
            access_token=token_value(body, "access_token"),
            refresh_token=refresh_token if body.get("refresh_token") is None else token_value(body, "refresh_token"),
            obtained_at=now,
            access_ends_at=now + (optional_seconds(body, "expires_in") or ASSUMED_LIFE),
            origin=account.origin,
        )

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


def make(http: HttpClient, _telemetry: object) -> RefreshingProvider:
    """Make the client from the function's settings. Raises `ProviderNotConfigured`."""
    return Fourthwall(http, settings.base_url("FOURTHWALL_BASE_URL"))


def _refresh_refusal(response: HttpResponse, secrets: tuple[str, ...]) -> ProviderFailure | RefreshTokenRefused:
    reply = reply_of(response, secrets, code="error", message="error_description")
    # The bodies of refusals are not documented. Whatever the cause is, another secret is the cure.
    if response.status in (400, 401) and reply.code != "invalid_client":
        return RefreshTokenRefused(reply)
    if response.status == 400:
        return ProviderRejectedCredentials("Fourthwall rejected the client id and client secret.", reply=reply)
    return error_from_status(response, reply)


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
