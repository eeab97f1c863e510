"""Logs and metrics by Powertools: JSON lines, and numbers as embedded metrics in the log. No dimension names a
merchant.

Only what is passed in is written: no event, no body, no header. Callers pass ids, codes and fingerprints, never values.
"""

import logging
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

_UNITS = {"Count": MetricUnit.Count, "Milliseconds": MetricUnit.Milliseconds, "Seconds": MetricUnit.Seconds}


class PowertoolsTelemetry:
    """The `Telemetry` port of one function; `provider` is the only dimension beside the service."""

    def __init__(self, provider: str) -> None:
        # A log line that cannot be written must not bring the cause's message to stderr.
        logging.raiseExceptions = False
        self.log = Logger(utc=True)
        self._metrics = EphemeralMetrics()
        self._metrics.set_default_dimensions(provider=provider)
        self._provider = provider
        self._cold = True
        self._annotations: dict[str, object] = {}

    def begin(self, request_id: str, context: Any) -> None:
        """The start of a call: everything logged from here on carries the request's id."""
        self.log.append_keys(
            correlation_id=request_id,
            cold_start=self._cold,
            function_name=getattr(context, "function_name", None),
            function_request_id=getattr(context, "aws_request_id", None),
            provider=self._provider,
        )
        # Beside the numbers, not among their dimensions: so the log tells which call they are of.
        self._metrics.add_metadata(key="correlation_id", value=request_id)
        if self._cold:
            self.count("ColdStart")
        self._cold = False
        self._annotations.clear()

    def end(self) -> None:
        """The end of a call: the numbers are written, and nothing of this call is left for the next."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()

    def answered(self, **fields: object) -> None:
        """Write the line that ends a call, with the fields that the call was annotated with."""
        self.log.info("answered", extra={**fields, **self._annotations})

    def notice(self, event: str, **fields: object) -> None:
        """A warning for the operator."""
        self.log.warning(event, extra=fields)

    def annotate(self, **fields: object) -> None:
        """Add fields to the line that ends this call."""
        self._annotations.update(fields)

    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None:
        """One number of this call."""
        self._metrics.add_metric(name=metric, unit=_UNITS[unit], value=value)

    def observe(self, method: str, outcome: int | str, seconds: float) -> None:
        """One try of a call to the provider: how many, how long, and the errors by kind."""
        self.count("ProviderCalls")
        self.count("ProviderLatency", round(seconds * 1000, 1), "Milliseconds")
        kind = outcome if isinstance(outcome, str) else f"{outcome // 100}xx" if outcome >= 400 else None
        if kind is not None:
            self.count(f"ProviderErrors.{kind}")
            self.log.warning("provider_call_failed", extra={"method": method, "outcome": outcome})
