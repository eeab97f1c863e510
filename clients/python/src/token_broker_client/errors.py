"""Define the ways a call can fail, as one tree.

A broker's own errors have the names that a direct invocation raises: the code in PascalCase. A code that this version
does not know becomes `BrokerError`. Errors without an answer of the broker are `ClientError`.

    TokenBrokerError
    ├── BrokerError: the broker or its gateway answered with a problem document
    │   ├── InvalidRequest, Unauthenticated, Forbidden, MerchantNotFound, …
    └── ClientError: there is no such answer
        ├── ConnectionFailed      ├── CredentialsUnavailable
        ├── TimedOut              ├── RegionMissing
        ├── MalformedAnswer       ├── StackNotFound
        └── ProofUnavailable
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

__all__ = [
    "AddressNotAllowed",
    "AppNotEligible",
    "AppNotInstalled",
    "BrokerError",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "CredentialsUnavailable",
    "Forbidden",
    "InternalError",
    "InvalidClient",
    "InvalidRequest",
    "MalformedAnswer",
    "MerchantMisconfigured",
    "MerchantNotFound",
    "MintInProgress",
    "NonExpiringTokenRefused",
    "PermanentTokenRefused",
    "PreconditionFailed",
    "ProofUnavailable",
    "ProviderError",
    "ProviderFailure",
    "ProviderNotConfigured",
    "ProviderRejectedCredentials",
    "ProviderReply",
    "ProviderThrottled",
    "ProviderUnavailable",
    "RateLimited",
    "ReauthorizationRequired",
    "RegionMissing",
    "ScopeNotApproved",
    "SessionClosed",
    "ShopNotPermitted",
    "ShopUnavailable",
    "StackNotFound",
    "StorageUnavailable",
    "TimedOut",
    "TokenBrokerError",
    "TokenLimitReached",
    "TokenNotFound",
    "TrustPolicyNotFound",
    "Unauthenticated",
]


class ProviderReply(NamedTuple):
    """Hold what is known of a provider's error reply."""

    status: int | None = None
    code: str | None = None
    message: str | None = None


class TokenBrokerError(Exception):
    """Report a failed call.

    `code` names the kind of error. `status` is the HTTP status, or None without an answer. `retryable` says whether the
    same call can succeed later without a change by anybody, and `retry_after` after how many seconds, if that is known.
    `request_id` finds the call in the broker's log. `provider` is the provider's reply, if there was one.
    """

    code = "error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        request_id: str | None = None,
        provider: ProviderReply | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = self.code if code is None else code
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after
        self.request_id = request_id
        self.provider = provider

    def __str__(self) -> str:
        """Return the code, the detail and the request's id."""
        return f"{self.code}: {self.detail}" + (f" (request {self.request_id})" if self.request_id else "")


class BrokerError(TokenBrokerError):
    """Report an error that the broker or its gateway answered with."""


class InvalidRequest(BrokerError):
    """Report a wrong request. The detail names the field and its valid values."""

    code = "invalid_request"


class Unauthenticated(BrokerError):
    """Report that the caller could not be authenticated, for example because its credentials have expired."""

    code = "unauthenticated"


class Forbidden(BrokerError):
    """Report that the authenticated caller may not do this."""

    code = "forbidden"


class MerchantNotFound(BrokerError):
    """Report that the merchant has no secret at this provider."""

    code = "merchant_not_found"


class TokenNotFound(BrokerError):
    """Report that neither the stack nor the provider has the token."""

    code = "token_not_found"


class TrustPolicyNotFound(BrokerError):
    """Report that the merchant has no trust policy."""

    code = "trust_policy_not_found"


class Conflict(BrokerError):
    """Report that the request contradicts the current state."""

    code = "conflict"


class PreconditionFailed(BrokerError):
    """Report that the policy or the settings have another revision than the request names."""

    code = "precondition_failed"


class SessionClosed(BrokerError):
    """Report that the session is closed. It never gets a token again."""

    code = "session_closed"


class RateLimited(BrokerError):
    """Report too many requests, or that the merchant's quota of new tokens is used up."""

    code = "rate_limited"


class InternalError(BrokerError):
    """Report a fault of the broker, of its gateway or of AWS Lambda."""

    code = "internal_error"


class MerchantMisconfigured(BrokerError):
    """Report that the merchant's secret cannot be used."""

    code = "merchant_misconfigured"


class MintInProgress(BrokerError):
    """Report that another call is creating this token."""

    code = "mint_in_progress"


class StorageUnavailable(BrokerError):
    """Report a failure of DynamoDB, Secrets Manager or another AWS service."""

    code = "storage_unavailable"


class ProviderFailure(BrokerError):
    """Report a failed request to the provider."""


class TokenLimitReached(ProviderFailure):
    """Report that the provider allows no further token for this app and shop."""

    code = "token_limit_reached"


class ProviderRejectedCredentials(ProviderFailure):
    """Report that the provider rejected the merchant's credentials."""

    code = "provider_rejected_credentials"


class ReauthorizationRequired(ProviderRejectedCredentials):
    """Report that only the merchant can restore the access, by authorizing the app again."""

    code = "reauthorization_required"


class InvalidClient(ProviderRejectedCredentials):
    """Report that Shopify does not accept the client id and client secret."""

    code = "invalid_client"


class ShopNotPermitted(ProviderRejectedCredentials):
    """Report that Shopify's app and the shop belong to different organizations."""

    code = "shop_not_permitted"


class NonExpiringTokenRefused(ProviderRejectedCredentials):
    """Report that Shopify does not accept the app's permanent token any more."""

    code = "non_expiring_token_refused"


class AppNotInstalled(ProviderRejectedCredentials):
    """Report that the Shopify app is not installed at the shop."""

    code = "app_not_installed"


class AppNotEligible(ProviderFailure):
    """Report that the Shopify app may not manage storefront tokens at this shop."""

    code = "app_not_eligible"


class ScopeNotApproved(ProviderFailure):
    """Report that the merchant has not approved one of the Shopify app's scopes."""

    code = "scope_not_approved"


class AddressNotAllowed(ProviderFailure):
    """Report that Shopify refused the request without a known reason, perhaps because of the functions' address."""

    code = "address_not_allowed"


class PermanentTokenRefused(ProviderFailure):
    """Report that the provider does not exchange the permanent token."""

    code = "permanent_token_refused"


class ProviderError(ProviderFailure):
    """Report that the provider rejected the request, or that its response is malformed."""

    code = "provider_error"


class ProviderThrottled(ProviderFailure):
    """Report that the provider limits the rate of requests."""

    code = "provider_throttled"


class ShopUnavailable(ProviderFailure):
    """Report that the merchant's shop is frozen, unpaid or locked at the provider."""

    code = "shop_unavailable"


class ProviderNotConfigured(ProviderFailure):
    """Report that the stack has no address for the provider."""

    code = "provider_not_configured"


class ProviderUnavailable(ProviderFailure):
    """Report that the provider could not be reached, took too long, or failed."""

    code = "provider_unavailable"


class ClientError(TokenBrokerError):
    """Report a failure without a usable answer of the broker."""


class ConnectionFailed(ClientError):
    """Report that no connection was possible, or that it ended before the whole answer came."""

    code = "connection_failed"


class TimedOut(ClientError):
    """Report that the deadline ended before the answer came."""

    code = "timed_out"


class MalformedAnswer(ClientError):
    """Report an answer that is not the broker's, such as an HTML page of a proxy."""

    code = "malformed_answer"


class CredentialsUnavailable(ClientError):
    """Report that there are no AWS credentials, or that they could not be refreshed."""

    code = "credentials_unavailable"


class RegionMissing(ClientError):
    """Report that no AWS region is configured."""

    code = "region_missing"


class StackNotFound(ClientError):
    """Report that there is no such stack in this account and region, or that it lacks the function."""

    code = "stack_not_found"


class ProofUnavailable(ClientError):
    """Report that the function that returns the proof failed, or returned none."""

    code = "proof_unavailable"


def _classes(kind: type[BrokerError]) -> dict[str, type[BrokerError]]:
    found = {} if "code" not in vars(kind) else {kind.code: kind}
    for each in kind.__subclasses__():
        found |= _classes(each)
    return found


_BY_CODE: Mapping[str, type[BrokerError]] = _classes(BrokerError)


def from_problem(problem: Mapping[str, Any], *, request_id: str | None, retry_after: float | None) -> BrokerError:
    """Return the error that a problem document (RFC 9457) describes.

    `retry_after` is that of the answer's headers. A direct invocation has none, and names it in the document.
    Raises `ValueError` for another document.
    """
    code, status = problem.get("code"), problem.get("status")
    if not isinstance(code, str) or type(status) is not int:
        raise ValueError("A problem document has a code and a status.")
    reply = problem.get("provider")
    return _BY_CODE.get(code, BrokerError)(
        str(problem.get("detail", "")),
        code=code,
        status=status,
        retryable=problem.get("retryable") is True,
        retry_after=_seconds(problem.get("retryAfter")) if retry_after is None else retry_after,
        request_id=str(problem.get("requestId") or request_id or "") or None,
        provider=_reply(cast("Mapping[str, Any]", reply)) if isinstance(reply, Mapping) else None,
    )


def _seconds(value: Any) -> float | None:
    return float(value) if type(value) is int and value >= 0 else None


def _reply(members: Mapping[str, Any]) -> ProviderReply:
    return ProviderReply(members.get("status"), members.get("code"), members.get("message"))
