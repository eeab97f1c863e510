"""Every way a request can fail, as one small tree.

    BrokerError
    ├── InvalidRequest 400            ├── PreconditionFailed 412
    ├── Unauthenticated 401           ├── SessionClosed 410
    ├── Forbidden 403                 ├── RateLimited 429
    ├── MerchantNotFound 404          ├── InternalError 500
    ├── TokenNotFound 404             ├── MintInProgress 503
    ├── TrustPolicyNotFound 404       ├── StorageUnavailable 503
    ├── Conflict 409                  ├── MerchantMisconfigured 502
    └── ProviderFailure
        ├── AppNotEligible 409              ├── ProviderThrottled 503
        ├── TokenLimitReached 409           ├── ShopUnavailable 503
        ├── ProviderRejectedCredentials 502 ├── ProviderNotConfigured 503
        ├── ProviderError 502               └── ProviderUnavailable 504

The class's name is what a direct invocation raises (a state machine catches it by that name); `code` and `status` are
what an API answer carries. `detail` is written for the caller: it says what to do, and never holds a secret, a token
or an ARN.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Any, ClassVar

#: What waits behind a direct invocation's `errorMessage` and an API answer's body: RFC 9457 with our extension members.
Problem = dict[str, Any]


class RequestOutcome(Enum):
    """What became of a request to a provider that did not end in a good answer."""

    NOT_APPLIED = "not_done"  # never sent, or refused: nothing happened
    UNKNOWN = "unknown"  # the provider may have acted: look it up before asking again
    IN_FLIGHT = "under_way"  # our clock ended the wait, and the provider may be acting just now


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What a provider said about a failure: already printable, redacted and at most 200 characters."""

    status: int | None = None
    code: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The reply as the problem document shows it: known members only."""
        members = {"status": self.status, "code": self.code, "message": self.message}
        return {name: value for name, value in members.items() if value is not None}


class BrokerError(Exception):
    """Base of all. `retry_after` is in seconds and given only where waiting helps."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after

    @property
    def retry_after_seconds(self) -> int | None:
        """`Retry-After` in whole seconds, rounded up: a caller must never come too early."""
        return None if self.retry_after is None else max(1, ceil(self.retry_after))

    def problem(self, request_id: str) -> Problem:
        """The RFC 9457 document."""
        return {
            "type": f"urn:token-broker:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "requestId": request_id,
            "retryable": self.retryable,
        }


class InvalidRequest(BrokerError):
    """The request itself is wrong; the detail names the field and what it takes."""

    code, status, title = "invalid_request", 400, "The request is not valid"


class Unauthenticated(BrokerError):
    """Nobody is known to be asking."""

    code, status, title = "unauthenticated", 401, "Identity is missing or not valid"


class Forbidden(BrokerError):
    """The caller is known, and may not do this."""

    code, status, title = "forbidden", 403, "Not allowed"


class MerchantNotFound(BrokerError):
    """No usable secret under the merchant's name: missing, or pending deletion."""

    code, status, title = "merchant_not_found", 404, "No such merchant at this provider"


class TokenNotFound(BrokerError):
    """Neither this stack nor the provider knows the token."""

    code, status, title = "token_not_found", 404, "No such token"


class TrustPolicyNotFound(BrokerError):
    """The merchant has no trust policy: storefronts get nothing."""

    code, status, title = "trust_policy_not_found", 404, "No trust policy"


class Conflict(BrokerError):
    """The request contradicts something that already stands."""

    code, status, title = "conflict", 409, "The request conflicts with the present state"


class PreconditionFailed(BrokerError):
    """What the caller has seen is not what stands now."""

    code, status, title = "precondition_failed", 412, "Somebody else has changed it"


class SessionClosed(BrokerError):
    """The session's order was placed: never a token again."""

    code, status, title = "session_closed", 410, "The session is closed"

    def __init__(self) -> None:
        super().__init__("This session has expired. Restart the checkout from your platform.")


class RateLimited(BrokerError):
    """Too many requests to this broker."""

    code, status, title, retryable = "rate_limited", 429, "Too many requests", True


class InternalError(BrokerError):
    """A fault of this broker; the cause is in the log under the request's id."""


class MerchantMisconfigured(BrokerError):
    """The merchant's secret exists but cannot be used; the detail names the field, never a value."""

    code, status, title = "merchant_misconfigured", 502, "The merchant's secret is not usable"


class MintInProgress(BrokerError):
    """Somebody else is minting for this subject."""

    code, status, title, retryable = "mint_in_progress", 503, "Another request is minting this token", True

    def __init__(self) -> None:
        super().__init__("Another request is minting this token right now. Ask again in a second.", retry_after=1)


class StorageUnavailable(BrokerError):
    """DynamoDB or Secrets Manager did not do its part; nothing was handed out."""

    code, status, title, retryable = "storage_unavailable", 503, "The broker's storage did not answer", True

    def __init__(self, detail: str, *, retry_after: float | None = 1) -> None:
        super().__init__(detail, retry_after=retry_after)


class ProviderFailure(BrokerError):
    """The provider did not give what was asked. `fate` says whether it may have acted all the same."""

    def __init__(
        self,
        detail: str,
        *,
        reply: ProviderReply | None = None,
        retry_after: float | None = None,
        request_outcome: RequestOutcome = RequestOutcome.NOT_APPLIED,
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.reply = reply
        self.request_outcome = request_outcome

    def problem(self, request_id: str) -> Problem:
        """The RFC 9457 document, with what the provider said where it said something."""
        document = super().problem(request_id)
        if self.reply is not None and (said := self.reply.as_json()):
            document["provider"] = said
        return document


class AppNotEligible(ProviderFailure):
    """Shopify's 403 on create: the app may not make storefront tokens."""

    code, status, title = "app_not_eligible", 409, "The app may not create storefront access tokens"


class TokenLimitReached(ProviderFailure):
    """The provider allows no further token for this app and shop."""

    code, status, title = "token_limit_reached", 409, "No further token is allowed at the provider"


class ProviderRejectedCredentials(ProviderFailure):
    """The provider refused the merchant's secret, also after it was read afresh."""

    code, status, title = (
        "provider_rejected_credentials",
        502,
        "The provider refused the merchant's credentials",
    )


class ProviderError(ProviderFailure):
    """The provider refused the request, or its answer makes no sense."""

    code, status, title = "provider_error", 502, "The provider's answer is not usable"


class ProviderThrottled(ProviderFailure):
    """The provider asks to slow down."""

    code, status, title, retryable = (
        "provider_throttled",
        503,
        "The provider limits the rate of requests",
        True,
    )


class ShopUnavailable(ProviderFailure):
    """The merchant's shop is frozen, unpaid or locked at the provider."""

    code, status, title = "shop_unavailable", 503, "The shop is not available at the provider"


class ProviderNotConfigured(ProviderFailure):
    """This stack has no address for the provider."""

    code, status, title = "provider_not_configured", 503, "The provider is not configured in this stack"


class ProviderUnavailable(ProviderFailure):
    """The provider could not be reached, took too long, or failed."""

    code, status, title, retryable = "provider_unavailable", 504, "The provider did not answer in time", True


def response_headers(error: BrokerError) -> Mapping[str, str]:
    """The headers that an API answer needs beside the problem document."""
    seconds = error.retry_after_seconds
    return {} if seconds is None else {"Retry-After": str(seconds)}
