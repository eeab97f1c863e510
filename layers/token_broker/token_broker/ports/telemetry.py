"""Define the log and the metrics."""

from typing import Protocol

from token_broker.errors import BrokerError, ProviderRejectedCredentials


class Telemetry(Protocol):
    """Report events and metrics. A caller never passes a secret or a token's value."""

    def notice(self, event: str, **fields: object) -> None:
        """Log an event that an operator should read."""

    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None:
        """Add one value to a metric."""

    def annotate(self, **fields: object) -> None:
        """Add fields to the log line that ends this call."""


#: How AWS's codes end if a role or a key policy does not allow a request.
_FORBIDDEN = ("AccessDenied", "AccessDeniedException")


def count_failure(telemetry: Telemetry, failure: BrokerError) -> None:
    """Count a failure by its code. All kinds of rejected credentials have one metric more, for one alarm."""
    telemetry.count(f"Failures.{failure.code}")
    if isinstance(failure, ProviderRejectedCredentials):
        telemetry.count("CredentialsRejected")
    count_forbidden(telemetry, failure)


def count_forbidden(telemetry: Telemetry, failure: BrokerError) -> None:
    """Count a failure if AWS refused the request. Every caller's request can fail like this after a wrong deploy."""
    if any(cause.endswith(_FORBIDDEN) for cause in failure.causes):
        telemetry.count("StorageForbidden")
