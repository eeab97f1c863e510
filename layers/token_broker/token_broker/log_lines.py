"""Format log lines as Powertools does, in half of the time.

Powertools looks at each attribute of a record, and at each of its keys, to find those that could be templates. Here the
few that are templates are known. A test compares the lines with those of Powertools, byte for byte.
"""

import logging
import os
from json import JSONEncoder
from typing import Any, override

from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS, LambdaPowertoolsFormatter

_OF_A_RECORD = frozenset(RESERVED_LOG_ATTRS)
_encode = JSONEncoder(default=str, ensure_ascii=False, separators=(",", ":")).encode


class LineFormatter(LambdaPowertoolsFormatter):
    """Format the records of `telemetry`: a name of an event, its fields, and never an exception."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Its fields have the order of Powertools."""
        fields: dict[str, Any] = {
            **self.log_format,
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.msg,
            "timestamp": self.formatTime(record),
            **{name: value for name, value in vars(record).items() if name not in _OF_A_RECORD},
        }
        if trace := os.environ.get("_X_AMZN_TRACE_ID"):
            fields["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
        return _encode({name: value for name, value in fields.items() if value is not None})
