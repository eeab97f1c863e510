"""Call Shopify's token endpoint, which gives admin tokens. The endpoint has no API version.

    POST https://{shop}/admin/oauth/access_token      form-encoded, with client_id, client_secret and grant_type

    client_credentials      200 {"access_token", "scope", "expires_in": 86399}
    refresh_token           200 {"access_token", "scope", "expires_in": 3600, "refresh_token",
                                 "refresh_token_expires_in": 7776000}
    …:token-exchange        the same, for a permanent token, which ends

A refresh gives a new pair. The used refresh token may be sent again until its replacement has been used once, for at
most 30 days. The exchange of the same permanent token gives the same pair again for seven days, until that pair was
refreshed. An app has one refreshable pair at a shop, and a newly obtained one ends the others.

The sources are Shopify's pages on offline access tokens and their migration, and its changelog (seen 2026-11-28). The
refusals come from forums and public libraries. An answer without `expires_in` and a 520 were seen in the field.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from token_broker.clock import Deadline
from token_broker.domain.credential_pair import CredentialPair
from token_broker.errors import (
    PermanentTokenRefused,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    RequestOutcome,
)
from token_broker.http.client import HttpClient, HttpResponse, Request, malformed_response
from token_broker.http.responses import optional_seconds, reply_of, token_value
from token_broker.ports.provider import Account, RefreshTokenRefused
from token_broker.providers.shopify import refusals

#: How often a pair is requested if the answer is not usable. The same request gives the same pair.
PAIR_TRIES = 2

_GRANT = "urn:ietf:params:oauth:grant-type:"
_OFFLINE_TOKEN = "urn:shopify:params:oauth:token-type:offline-access-token"  # noqa: S105  # a type, not a value

_NOT_EXCHANGED = (
    "Shopify does not exchange the permanent token. It has ended, was migrated elsewhere, or belongs to another app. "
    "Have the merchant authorize the app again, and store the new refresh token in the merchant's secret."
)
#: The error and its detail for each code of a refusal.
_REFUSALS: Mapping[str, tuple[type[ProviderFailure], str]] = {
    "invalid_client": (refusals.InvalidClient, refusals.INVALID_CLIENT),
    "shop_not_permitted": (refusals.ShopNotPermitted, refusals.SHOP_NOT_PERMITTED),
    "app_not_installed": (refusals.AppNotInstalled, refusals.APP_NOT_INSTALLED),
}


class TokenEndpoint:
    """Request admin tokens for an account. Raises a `ProviderFailure` if Shopify gives none."""

    def __init__(self, http: HttpClient, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    def client_credentials(self, account: Account, deadline: Deadline) -> Mapping[str, Any]:
        """Return the response of the client credentials grant."""
        return self._grant(account, {"grant_type": "client_credentials"}, deadline)

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        """Return the next pair. Raises `RefreshTokenRefused`."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._pair(account, form, deadline)

    def exchange(self, account: Account, deadline: Deadline) -> CredentialPair:
        """Return the pair that replaces the account's permanent token. Raises `PermanentTokenRefused`."""
        form = {
            "grant_type": f"{_GRANT}token-exchange",
            "subject_token": account.credentials["adminAccessToken"],
            "subject_token_type": _OFFLINE_TOKEN,
            "requested_token_type": _OFFLINE_TOKEN,
            "expiring": "1",
        }
        return self._pair(account, form, deadline)

    def _pair(self, account: Account, form: Mapping[str, str], deadline: Deadline) -> CredentialPair:
        for attempt in range(1, PAIR_TRIES + 1):
            try:
                return self._read_pair(self._grant(account, form, deadline), account)
            except ProviderError as failure:
                if attempt == PAIR_TRIES or failure.request_outcome is not RequestOutcome.UNKNOWN:
                    raise
        raise AssertionError("the last try returns or raises")

    def _read_pair(self, body: Mapping[str, Any], account: Account) -> CredentialPair:
        lifetime = _seconds_left(body)
        refresh_lifetime, now = optional_seconds(body, "refresh_token_expires_in"), int(self._http.clock.now())
        return CredentialPair(
            access_token=token_value(body, "access_token"),
            refresh_token=token_value(body, "refresh_token"),
            obtained_at=now,
            access_ends_at=now + lifetime,
            refresh_ends_at=None if refresh_lifetime is None else now + refresh_lifetime,
            origin=account.origin,
        )

    def _grant(self, account: Account, grant: Mapping[str, str], deadline: Deadline) -> Mapping[str, Any]:
        """Send the request with the app's client secret, and with its previous one if the first is rejected."""
        known, base_url = account.credentials, self._base_url.replace("{shop}", account.settings["shop"])
        client_secrets = [known[name] for name in ("clientSecret", "previousClientSecret") if name in known]
        for number, client_secret in enumerate(client_secrets, start=1):
            form = {**grant, "client_id": known["clientId"], "client_secret": client_secret}
            # The same request gives the same answer again, so this POST can be repeated.
            request = Request(
                "POST",
                f"{base_url}/admin/oauth/access_token",
                {"Content-Type": "application/x-www-form-urlencoded"},
                urlencode(form).encode(),
                repeatable=True,
            )
            response = self._http.send(request, deadline)
            if response.status == 200:
                body = response.json()
                if not isinstance(body, dict):
                    raise malformed_response("it is not a JSON object")
                return body
            refusal = _refusal(response, account, grant)
            if number == len(client_secrets) or not isinstance(refusal, refusals.InvalidClient):
                raise refusal
        raise AssertionError("an account for a grant has a client secret")


def _seconds_left(body: Mapping[str, Any]) -> int:
    """Return the access token's seconds left. They are 0 if the access token of a repeated answer has ended."""
    value = body.get("expires_in")
    if isinstance(value, int) and not isinstance(value, bool) and value <= 0:
        return 0
    seconds = optional_seconds(body, "expires_in")
    if seconds is None:
        raise malformed_response("it has no 'expires_in'")
    return seconds


def _refusal(
    response: HttpResponse, account: Account, grant: Mapping[str, str]
) -> ProviderFailure | RefreshTokenRefused:
    secrets = (*account.secrets(), *(grant[name] for name in ("refresh_token", "subject_token") if name in grant))
    reply = reply_of(response, secrets, code="error", message="error_description")
    if response.status not in (400, 401):
        return refusals.error_from_refusal(response, reply)
    if reply.code == "invalid_subject_token" and "subject_token" in grant:
        return PermanentTokenRefused(_NOT_EXCHANGED, reply=reply)
    # With 400, `invalid_request` means a malformed request.
    dead = reply.code == "invalid_grant" or (response.status == 401 and reply.code == "invalid_request")
    if dead and "refresh_token" in grant:
        return RefreshTokenRefused(reply)
    kind, detail = _REFUSALS.get(reply.code or "", (ProviderRejectedCredentials, refusals.INVALID_CLIENT))
    return kind(detail, reply=reply)
