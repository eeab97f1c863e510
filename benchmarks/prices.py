"""Define the prices that estimates use."""

from collections.abc import Mapping
from typing import NamedTuple

#: GB of a function's memory, by the parameter MemorySize.
MEMORY = 0.5

Items = Mapping[str, float]


class Prices(NamedTuple):
    """Hold prices in dollars, by default those of eu-central-1. Prices of requests are for a million."""

    secret: float = 0.40
    metric: float = 0.30
    dashboard: float = 3.00
    alarm_metric: float = 0.10
    queue_standard: float = 0.40
    queue_fifo: float = 0.50
    rest_api: float = 3.70
    function_call: float = 0.20
    #: For a GB-second on arm64.
    function_second: float = 0.0000133334
    read_unit: float = 0.1525
    write_unit: float = 0.7625
    log_gigabyte: float = 0.63
    trace: float = 5.00
    event: float = 1.00


def functions(p: Prices, calls: float, seconds: float) -> float:
    """Return the price of a number of calls (in millions) that take so many seconds each."""
    return calls * (p.function_call + seconds * MEMORY * p.function_second * 1_000_000)
