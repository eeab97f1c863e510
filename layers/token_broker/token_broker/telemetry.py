"""Write logs as JSON lines with Powertools, and metrics in CloudWatch's embedded format.

Only the arguments are written, and never an event, a body or a header. Callers pass ids, codes and fingerprints. No
dimension names a merchant.
"""

import logging
from typing import Any

from aws_lambda_powertools.logging import Logger

from token_broker import __version__
from token_broker.log_lines import LineFormatter
from token_broker.metric_lines import MetricLines


class PowertoolsTelemetry:
    """Implement the `Telemetry` port for one function. Metrics have the dimensions service and `provider`.

    A call is about `provider`, unless `about` names another one.
    """

    def __init__(self, provider: str) -> None:
        # A failure to write a log line must not print its exception's message to stderr.
        logging.raiseExceptions = False
        self.log = Logger(logger_formatter=LineFormatter(utc=True))
        self._metrics = MetricLines()
        self._request_id = ""
        self._provider = self._about = provider
        self._cold = True
        self._annotations: dict[str, object] = {}

    def begin(self, request_id: str, context: Any) -> None:
        """Begin a call, and add its request id to every log line from now on."""
        self._about = self._provider
        self.log.append_keys(
            version=__version__,
            correlation_id=request_id,
            cold_start=self._cold,
            function_name=getattr(context, "function_name", None),
            function_request_id=getattr(context, "aws_request_id", None),
            provider=self._about,
        )
        self._request_id = request_id
        if self._cold:
            self.count("ColdStart")
        self._cold = False
        self._annotations.clear()

    def about(self, provider: str) -> None:
        """Name the provider that this call is about, in all its metrics and in its log lines from now on."""
        self._about = provider
        self.log.append_keys(provider=provider)

    def end(self) -> None:
        """Write the call's metrics, and keep none of them for the next call."""
        self._metrics.write(self._about, self._request_id)

    def answered(self, **fields: object) -> None:
        """Write the line that ends a call, with the fields that the call was annotated with."""
        self.log.info("answered", extra={**fields, **self._annotations})

    def notice(self, event: str, **fields: object) -> None:
        """Log a warning for the operator."""
        self.log.warning(event, extra=fields)

    def annotate(self, **fields: object) -> None:
        """Add fields to the line that ends this call."""
        self._annotations.update(fields)

    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None:
        """Add one value to a metric of this call."""
        self._metrics.add(metric, value, unit)
        if self._metrics.is_full(metric):
            self.end()

    def observe(self, method: str, outcome: int | str, seconds: float) -> None:
        """Count one try of a provider request, its latency and its error, and log the error."""
        self.count("ProviderCalls")
        self.count("ProviderLatency", round(seconds * 1000, 1), "Milliseconds")
        kind = outcome if isinstance(outcome, str) else f"{outcome // 100}xx" if outcome >= 400 else None
        if kind is not None:
            self.count(f"ProviderErrors.{kind}")
            self.log.warning("provider_call_failed", extra={"method": method, "outcome": outcome})
