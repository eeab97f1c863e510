"""Name Shopify's refusals: the error that a status and a text become, and its cure.

The sources of the texts are Shopify's documentation, its official libraries and its forums (seen 2026-11-28). Shopify
has no error codes outside GraphQL, so only the documented sentences tell one refusal from another. A detail says "may"
where the cause is inferred.
"""

import re

from token_broker.errors import (
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderReply,
    ProviderThrottled,
    ShopUnavailable,
    TokenLimitReached,
)
from token_broker.http.client import HttpResponse, error_from_status
from token_broker.providers.shopify import PROFILE

#: Seconds to wait after a 430 without `Retry-After`.
REJECTED_ADDRESS_WAIT = 60

INVALID_CLIENT = (
    "Shopify rejected the client id and client secret. Put valid ones of the app into the merchant's secret."
)
SHOP_NOT_PERMITTED = (
    "Client credentials work only if the app and the shop belong to the same organization. Store a refresh token of "
    "the app in the merchant's secret instead."
)
APP_NOT_INSTALLED = (
    "The app is not installed at the shop, or not any more. Have the merchant install it again. Then store new "
    "credentials if the old ones do not work."
)
SHOP_UNAVAILABLE = "Shopify reports that the shop is unpaid, frozen or locked. The shop's owner must reactivate it."
NON_EXPIRING_TOKEN_REFUSED = (
    "Shopify does not accept this app's permanent admin token any more. Migrate it with "  # noqa: S105  # no value
    "POST /operations/merchants/{merchant}/shopify/token-migrations, or store a refresh token of the app in the "
    "merchant's secret."
)
ADDRESS_NOT_ALLOWED = (
    "Shopify refused the request without a known reason. The function's address may not be on the app's IP allowlist. "
    "The page docs/how-to/allow-addresses-at-shopify.md says how to add it."
)
NOT_ELIGIBLE = (
    "The app may not manage storefront access tokens at this shop. There are three possible causes. The app may have "
    "no unauthenticated scope. Then grant it one, and install it again. The scopes are "
    "unauthenticated_read_product_listings (show products), unauthenticated_read_collection_listings (show "
    "collections), unauthenticated_write_checkouts (create checkouts), unauthenticated_write_customers (sign in or "
    "create a customer). The admin token may be an online token. Then store an offline token. The app may be of a kind "
    "that cannot have these tokens, such as one that was made in the shop's admin. Then use the Headless channel, or "
    "an app of the Dev Dashboard."
)
ADDRESS_REJECTED = (
    "Shopify may take the function's address for a bot's, because others share it. Try again after the stated time. An "
    "egress address of your own helps."
)
LIMIT_REACHED = (
    f"The app has all {PROFILE.capabilities.limit} storefront access tokens that Shopify allows it at this shop. List "
    "the tokens, and revoke the ones that are not used any more. Each revoked token frees a quota slot."
)

_NON_EXPIRING = "non-expiring access tokens are no longer accepted"
_NOT_ELIGIBLE = ("must be eligible", "must be service access", "must be extendable", "channel record")
_UNAVAILABLE = "unavailable shop"
_APPROVAL = re.compile(r"requires merchant approval(?: for ([a-z_]{1,64}) scope)?", re.IGNORECASE)
_LIMIT = re.compile(r"public access token limit of: *\d+")


class InvalidClient(ProviderRejectedCredentials):
    """Report that Shopify does not accept the client id and client secret."""

    code = "invalid_client"
    title = "The provider does not accept the app's client id and secret"


class ShopNotPermitted(ProviderRejectedCredentials):
    """Report that the app and the shop belong to different organizations, so client credentials do not work."""

    code = "shop_not_permitted"
    title = "Client credentials are not permitted at this shop"


class AppNotInstalled(ProviderRejectedCredentials):
    """Report that the app is not installed at the shop."""

    code = "app_not_installed"
    title = "The app is not installed at the shop"


class NonExpiringTokenRefused(ProviderRejectedCredentials):
    """Report that Shopify accepts only expiring admin tokens of this app."""

    code = "non_expiring_token_refused"
    title = "The provider does not accept permanent admin tokens of this app"


class AddressNotAllowed(ProviderFailure):
    """Report a 403 without a known reason. The function's address may not be on the app's IP allowlist."""

    code, status, title = "address_not_allowed", 502, "The provider may not allow the function's address"
    permanent = affects_all = True


class AppNotEligible(ProviderFailure):
    """Report that the app may not manage storefront tokens at the shop."""

    code, status, title = "app_not_eligible", 409, "The app may not create storefront access tokens"
    permanent = True


class ScopeNotApproved(ProviderFailure):
    """Report that the merchant has not approved an admin scope, or Shopify has not approved its protected data."""

    code, status, title = "scope_not_approved", 409, "The app's scope is not approved"
    permanent = True


def error_from_refusal(response: HttpResponse, reply: ProviderReply) -> ProviderFailure:
    """Return the error for a refusal that means the same at the token endpoint and at the Admin API."""
    if response.status in (402, 423):
        return ShopUnavailable(SHOP_UNAVAILABLE, reply=reply)
    if response.status == 430:
        wait = response.retry_after() or REJECTED_ADDRESS_WAIT
        return ProviderThrottled(ADDRESS_REJECTED, reply=reply, retry_after=wait)
    return error_from_status(response, reply)


def error_from_admin_refusal(response: HttpResponse, reply: ProviderReply) -> ProviderFailure:
    """Return the error for a refusal of the Admin API. The texts of `reply` are already redacted."""
    if response.status != 403:
        return error_from_refusal(response, reply)
    said = (reply.message or "").casefold()
    if _NON_EXPIRING in said:
        return NonExpiringTokenRefused(NON_EXPIRING_TOKEN_REFUSED, reply=reply)
    if any(sentence in said for sentence in _NOT_ELIGIBLE):
        return AppNotEligible(NOT_ELIGIBLE, reply=reply)
    if _UNAVAILABLE in said:
        return ShopUnavailable(SHOP_UNAVAILABLE, reply=reply)
    if approval := _APPROVAL.search(said):
        return _scope_not_approved(approval[1], reply)
    return AddressNotAllowed(ADDRESS_NOT_ALLOWED, reply=reply)


def error_from_create_refusal(response: HttpResponse, reply: ProviderReply) -> ProviderFailure:
    """Return the error for a refused create, for which two answers mean more than elsewhere."""
    # The older page shows the refusal of an app that is not eligible without a body.
    if response.status == 403 and not response.body.strip():
        return AppNotEligible(NOT_ELIGIBLE, reply=reply)
    # Shopify has no error code for its limit. Only the documented sentence tells it from a bad request.
    if response.status == 400 and tells_limit(reply.message):
        return TokenLimitReached(LIMIT_REACHED, reply=reply)
    return error_from_admin_refusal(response, reply)


def tells_limit(message: str | None) -> bool:
    """Return whether the text is Shopify's sentence about the limit of tokens."""
    return message is not None and _LIMIT.search(message) is not None


def _scope_not_approved(scope: str | None, reply: ProviderReply) -> ScopeNotApproved:
    which = "a scope" if scope is None else f"the scope {scope}"
    return ScopeNotApproved(
        f"The app needs {which}, which is not approved at this shop. Have the merchant approve the app's scopes again. "
        "If the scope gives protected customer data, have Shopify approve it in the Dev Dashboard.",
        reply=reply,
    )
