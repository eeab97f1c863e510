"""Define the ways a request can fail, as one small tree.

    BrokerError
    ├── InvalidRequest 400            ├── PreconditionFailed 412
    ├── Unauthenticated 401           ├── SessionClosed 410
    ├── Forbidden 403                 ├── RateLimited 429
    ├── MerchantNotFound 404          ├── InternalError 500
    ├── TokenNotFound 404             ├── MintInProgress 503
    ├── TrustPolicyNotFound 404       ├── StorageUnavailable 503
    ├── Conflict 409                  ├── MerchantMisconfigured 502
    └── ProviderFailure
        ├── TokenLimitReached 409           ├── ShopUnavailable 503
        ├── PermanentTokenRefused 409       ├── ProviderNotConfigured 503
        ├── ProviderRejectedCredentials 502
        │   └── ReauthorizationRequired 502
        ├── ProviderError 502               └── ProviderUnavailable 504
        ├── ProviderThrottled 503

A provider's module may add a `ProviderFailure` of its own.

A direct invocation raises an exception with the class's name, and a state machine catches it by that name. An API
response contains `code` and `status`. `detail` tells the caller what to do. It never contains a secret, a token or an
ARN.
"""

from collections.abc import Mapping
from enum import Enum
from math import ceil
from typing import Any, ClassVar, NamedTuple

#: An RFC 9457 document with extension members. It is a direct invocation's `errorMessage` and an API response's body.
Problem = dict[str, Any]


class RequestOutcome(Enum):
    """Tell whether the provider has acted on a failed request."""

    NOT_APPLIED = "not_done"  # the request was not sent, or the provider rejected it
    UNKNOWN = "unknown"  # the provider may have acted, so a lookup must come before a retry
    IN_FLIGHT = "under_way"  # the time-out ended the wait, and the provider may still be acting


class ProviderReply(NamedTuple):
    """Hold a provider's error reply. Its texts are redacted, printable and at most 200 characters long."""

    status: int | None = None
    code: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the reply's known members for the problem document."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class BrokerError(Exception):
    """Report a failed request. `retry_after` is in seconds, and None if waiting does not help.

    `causes` are for the log, for example "DynamoDB: ThrottlingException". A `permanent` failure lasts until an operator
    or the merchant acts. One that `affects_all` fails all other work for the merchant as well.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    retryable: ClassVar[bool] = False
    permanent: ClassVar[bool] = False
    affects_all: ClassVar[bool] = False

    def __init__(self, detail: str, *, retry_after: float | None = None, causes: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.causes = causes

    @property
    def retry_after_seconds(self) -> int | None:
        """Return `retry_after` in whole seconds, rounded up so that no caller retries too early."""
        return None if self.retry_after is None else max(1, ceil(self.retry_after))

    def problem(self, request_id: str) -> Problem:
        """Return the RFC 9457 document."""
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
    """Report a wrong request. The detail names the field and its valid values."""

    code, status, title = "invalid_request", 400, "The request is not valid"


class Unauthenticated(BrokerError):
    """Report that the caller could not be authenticated."""

    code, status, title = "unauthenticated", 401, "Identity is missing or not valid"


class Forbidden(BrokerError):
    """Report that the authenticated caller may not do this."""

    code, status, title = "forbidden", 403, "Not allowed"


class MerchantNotFound(BrokerError):
    """Report that the merchant has no secret, or that its secret is pending deletion."""

    code, status, title = "merchant_not_found", 404, "No such merchant at this provider"
    permanent = affects_all = True


class TokenNotFound(BrokerError):
    """Report that neither this stack nor the provider has the token."""

    code, status, title = "token_not_found", 404, "No such token"


class TrustPolicyNotFound(BrokerError):
    """Report that the merchant has no trust policy, which rejects all storefronts."""

    code, status, title = "trust_policy_not_found", 404, "No trust policy"


class Conflict(BrokerError):
    """Report that the request contradicts the current state."""

    code, status, title = "conflict", 409, "The request conflicts with the current state"
    permanent = True


class PreconditionFailed(BrokerError):
    """Report that the resource is not in the state that the request's precondition names."""

    code, status, title = "precondition_failed", 412, "The precondition of the request is not met"


class SessionClosed(BrokerError):
    """Report that the session is closed. It never gets a token again."""

    code, status, title = "session_closed", 410, "The session is closed"

    def __init__(self) -> None:
        super().__init__("This session has expired. Restart the checkout from your platform.")


class RateLimited(BrokerError):
    """Report that the merchant's mint quota is used up. `retry_after` is the time until its next mint."""

    code, status, title, retryable = "rate_limited", 429, "Too many requests", True

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            "This merchant has used up its own limit of new tokens for now. Other merchants are not affected. "
            f"Try again in {ceil(retry_after)} s.",
            retry_after=retry_after,
        )


class InternalError(BrokerError):
    """Report a fault of Token Broker. The log has the cause under the request's id."""


class MerchantMisconfigured(BrokerError):
    """Report that the merchant's secret cannot be used. The detail names the field, and never a value."""

    code, status, title = "merchant_misconfigured", 502, "The merchant's secret is not usable"
    permanent = affects_all = True


class MintInProgress(BrokerError):
    """Report that another call is minting for this subject."""

    code, status, title, retryable = "mint_in_progress", 503, "Another request is minting this token", True

    def __init__(self) -> None:
        super().__init__("Another request is minting this token right now. Try again in a second.", retry_after=1)


class StorageUnavailable(BrokerError):
    """Report a failure of DynamoDB, Secrets Manager or another AWS service. No token was returned."""

    code, status, title, retryable = "storage_unavailable", 503, "The broker's storage did not answer", True

    def __init__(self, detail: str, *, causes: tuple[str, ...] = ()) -> None:
        super().__init__(detail, retry_after=1, causes=causes)


class ProviderFailure(BrokerError):
    """Report a failed provider request. `request_outcome` tells whether the provider may have acted on it."""

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
        """Return the RFC 9457 document, with the provider's reply if there is one."""
        document = super().problem(request_id)
        if self.reply is not None and (reply := self.reply.as_json()):
            document["provider"] = reply
        return document


class TokenLimitReached(ProviderFailure):
    """Report that the provider allows no further token for this app and shop."""

    code, status, title = "token_limit_reached", 409, "No further token is allowed at the provider"


class ProviderRejectedCredentials(ProviderFailure):
    """Report that the provider rejected the merchant's credentials, also after the secret was read again."""

    code, status = "provider_rejected_credentials", 502
    title = "The provider rejected the merchant's credentials"
    permanent = affects_all = True


class ReauthorizationRequired(ProviderRejectedCredentials):
    """Report that only the merchant can restore the access, by authorizing the app again."""

    code, title = "reauthorization_required", "The merchant must authorize the app again"


class PermanentTokenRefused(ProviderFailure):
    """Report that the provider does not exchange the permanent token, which has ended or belongs to another app."""

    code, status, title = "permanent_token_refused", 409, "The permanent token cannot be exchanged"
    permanent = True


class ProviderError(ProviderFailure):
    """Report that the provider rejected the request, or that its response is malformed."""

    code, status, title = "provider_error", 502, "The provider's response is not usable"


class ProviderThrottled(ProviderFailure):
    """Report that the provider throttles requests."""

    code, status, retryable = "provider_throttled", 503, True
    title = "The provider limits the rate of requests"


class ShopUnavailable(ProviderFailure):
    """Report that the merchant's shop is frozen, unpaid or locked at the provider."""

    code, status, title = "shop_unavailable", 503, "The shop is not available at the provider"
    permanent = affects_all = True


class ProviderNotConfigured(ProviderFailure):
    """Report that this stack has no usable address for the provider."""

    code, status, title = "provider_not_configured", 503, "The provider is not configured in this stack"
    permanent = affects_all = True


class ProviderUnavailable(ProviderFailure):
    """Report that the provider could not be reached, took too long, or failed."""

    code, status, title, retryable = "provider_unavailable", 504, "The provider did not respond in time", True


def response_headers(error: BrokerError) -> Mapping[str, str]:
    """Return the headers that an API response needs in addition to the problem document."""
    seconds = error.retry_after_seconds
    return {} if seconds is None else {"Retry-After": str(seconds)}
