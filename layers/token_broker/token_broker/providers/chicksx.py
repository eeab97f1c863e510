"""ChicksX: a public access token for one checkout session.

    POST {base}/public_token/create            x-api-key, x-client-id
    {"sessionId": "…", "scope": […]}           a scope that nobody asked for is not sent
    201 {"code", "data": {accessToken, tokenType, expiresIn, expiresAt, scope, jti}, "message"}
    400, 401, 500 {"code", "message"}

Source: the page "Create public access token", version 1.0.0. Its examples repeat INVALID_INPUT for every status, so the
status decides. One session is one order; there is no list and no revocation: a token ends by itself.
"""

import json
from collections.abc import Mapping
from typing import Any

from token_broker.clock import Deadline
from token_broker.domain.merchant_secret import fields_of
from token_broker.domain.token import ProviderToken, Use, fingerprint
from token_broker.http.client import HttpClient, Request, malformed_response
from token_broker.http.responses import (
    error_from,
    expiry,
    optional_text,
    reject_leaked_credentials,
    require_object,
    token_value,
)
from token_broker.ports.provider import Account, Capabilities, MintRequest

NAME = "chicksx"
SHAPES = (frozenset({"apiKey", "clientId"}),)
USE = Use("sdk", "authenticationToken")
SCOPES = 100
NAME_LIMIT = 256
#: No session token lives for ten years; a time in milliseconds seems to.
MAX_LIFETIME = 10 * 365 * 24 * 60 * 60


class Chicksx:
    """The client. `base_url` without a slash at its end."""

    name = NAME
    capabilities = Capabilities(sessions=True, expires=True)

    def __init__(self, http: HttpClient, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """The secret: the merchant's API key and client id."""
        return Account(merchant, fields_of(NAME, merchant, secret, shapes=SHAPES))

    def invalidate_credentials(self, account: Account) -> None:
        """Nothing is bought with a ChicksX secret."""

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """A new token for the order's session."""
        wanted: dict[str, Any] = {"sessionId": mint_request.session_id}
        if mint_request.scope is not None:
            wanted["scope"] = list(mint_request.scope)
        headers = {
            "x-api-key": account.credentials["apiKey"],
            "x-client-id": account.credentials["clientId"],
            "Content-Type": "application/json",
        }
        request = Request("POST", f"{self._base_url}/public_token/create", headers, json.dumps(wanted).encode())
        response = self._http.send(request, deadline)
        if response.status != 201:
            raise error_from(response, account.secrets())
        return reject_leaked_credentials(self._minted(require_object(response.json(), "data")), account.secrets())

    def _minted(self, data: Mapping[str, Any]) -> ProviderToken:
        now = self._http.clock.now()
        value = token_value(data, "accessToken")
        ends = expiry(data, now, longest=MAX_LIFETIME)
        if ends is None:
            raise malformed_response("it has neither 'expiresAt' nor 'expiresIn'")
        lasts, jti = data.get("expiresIn"), optional_text(data, "jti", longest=NAME_LIMIT)
        return ProviderToken(
            # A name that DynamoDB's keys have no room for in UTF-8 is none that a JWT's maker gives. One that gives
            # the token's value away is no name either.
            token_id=jti if jti is not None and jti.isascii() and value not in jti else fingerprint(value),
            access_token=value,
            token_type=optional_text(data, "tokenType") or "Bearer",
            scope=_granted(data),
            issued_at=int(now),
            expires_at=ends,
            use=USE,
            provider_data={} if lasts is None else {"expiresIn": lasts},
        )


def _granted(data: Mapping[str, Any]) -> tuple[str, ...]:
    scope = data.get("scope")
    if scope is None:
        return ()
    if not isinstance(scope, list) or len(scope) > SCOPES or not all(map(_is_scope, scope)):
        raise malformed_response("'scope' is not a list of names")
    return tuple(scope)


def _is_scope(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= NAME_LIMIT and value.isprintable()
