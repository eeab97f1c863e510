"""Talk to ChicksX, which issues a public access token for one checkout session.

    POST {base}/public_token/create            x-api-key, x-client-id
    {"sessionId": "…", "scope": […]}           "scope" is sent only if the caller requests one
    201 {"code", "data": {accessToken, tokenType, expiresIn, expiresAt, scope, jti}, "message"}
    400, 401, 500 {"code", "message"}

The source is the page "Create public access token", version 1.0.0. Its examples have the code INVALID_INPUT for every
status, so the client decides by the status. One session belongs to one order. ChicksX has no list and no revocation.
A token expires by itself.
"""

import json
from collections.abc import Mapping
from typing import Any

from token_broker import settings
from token_broker.clock import Deadline
from token_broker.domain.merchant_secret import fields_of
from token_broker.domain.token import ProviderToken, Use, fingerprint
from token_broker.http.client import HttpClient, Request, error_from_status, malformed_response
from token_broker.http.responses import (
    expiry,
    optional_text,
    reject_leaked_credentials,
    reply_of,
    require_object,
    token_value,
)
from token_broker.ports.provider import Account, MintRequest, Provider
from token_broker.providers.chicksx import PROFILE

SHAPES = (frozenset({"apiKey", "clientId"}),)
USE = Use("sdk", "authenticationToken")
SCOPES = 100
NAME_LIMIT = 256
#: Ten years in seconds. A longer lifetime means that the time is in milliseconds.
MAX_LIFETIME = 10 * 365 * 24 * 60 * 60


class Chicksx:
    """Talk to ChicksX at `base_url`, which has no slash at its end."""

    name = PROFILE.name
    capabilities = PROFILE.capabilities

    def __init__(self, http: HttpClient, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """Return the account with the API key and client id of the secret. Raises `MerchantMisconfigured`."""
        return Account(merchant, fields_of(PROFILE.name, merchant, secret, shapes=SHAPES))

    def invalidate_credentials(self, account: Account) -> None:
        """Do nothing, because ChicksX has no session credentials."""

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """Create a new token for the requested session."""
        fields: dict[str, Any] = {"sessionId": mint_request.session_id}
        if mint_request.scope is not None:
            fields["scope"] = list(mint_request.scope)
        headers = {
            "x-api-key": account.credentials["apiKey"],
            "x-client-id": account.credentials["clientId"],
            "Content-Type": "application/json",
        }
        request = Request("POST", f"{self._base_url}/public_token/create", headers, json.dumps(fields).encode())
        response = self._http.send(request, deadline)
        if response.status != 201:
            raise error_from_status(response, reply_of(response, account.secrets()))
        return reject_leaked_credentials(self._token(require_object(response.json(), "data")), account.secrets())

    def _token(self, data: Mapping[str, Any]) -> ProviderToken:
        now = self._http.clock.now()
        value = token_value(data, "accessToken")
        expires_at = expiry(data, now, longest=MAX_LIFETIME)
        if expires_at is None:
            raise malformed_response("it has neither 'expiresAt' nor 'expiresIn'")
        expires_in, jti = data.get("expiresIn"), optional_text(data, "jti", longest=NAME_LIMIT)
        return ProviderToken(
            # The id becomes part of a DynamoDB key, whose size limit counts bytes of UTF-8. It must not contain the
            # token's value.
            token_id=jti if jti is not None and jti.isascii() and value not in jti else fingerprint(value),
            access_token=value,
            token_type=optional_text(data, "tokenType") or "Bearer",
            scope=_scope(data),
            issued_at=int(now),
            expires_at=expires_at,
            use=USE,
            provider_data={} if expires_in is None else {"expiresIn": expires_in},
        )


def make(http: HttpClient, _telemetry: object) -> Provider:
    """Make the client from the function's settings. Raises `ProviderNotConfigured`."""
    return Chicksx(http, settings.base_url("CHICKSX_BASE_URL"))


def _scope(data: Mapping[str, Any]) -> tuple[str, ...]:
    scope = data.get("scope")
    if scope is None:
        return ()
    if not isinstance(scope, list) or len(scope) > SCOPES or not all(map(_is_scope, scope)):
        raise malformed_response("'scope' is not a list of names")
    return tuple(scope)


def _is_scope(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= NAME_LIMIT and value.isprintable()
