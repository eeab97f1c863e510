"""Repeat a call that failed, within its deadline.

Every operation of the broker may be repeated. Rotations join, sessions get the same token, closings and revocations
stay, and creations have a key. So a lost answer is asked for again.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any

from token_broker_client.deadline import Deadline
from token_broker_client.errors import TokenBrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from token_broker_client.operations import Operation
    from token_broker_client.transport import Answer, Transport

_log = logging.getLogger("token_broker_client")

#: Seconds. The wait before the first repetition, without jitter, and the longest one.
FIRST_WAIT, LONGEST_WAIT = 0.2, 4.0


class Retries:
    """Send operations over a transport, and repeat those that can succeed later.

    `timeout` is in seconds, for all attempts and waits of one call. `attempts` counts the first one, too.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float,
        attempts: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if timeout <= 0 or attempts < 1:
            raise ValueError("timeout must be more than 0 s, and attempts at least 1.")
        self.transport = transport
        self._timeout = timeout
        self._attempts = attempts
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter

    def call(self, operation: Operation, fields: Mapping[str, Any]) -> Answer:
        """Return the answer of the first attempt that succeeds. Raises the last attempt's `TokenBrokerError`."""
        deadline = Deadline(min(self._timeout, operation.longest), self._clock)
        for attempt in range(1, self._attempts):
            try:
                return self.transport.send(operation, fields, deadline)
            except TokenBrokerError as error:
                wait = self._wait(attempt, error)
                if not error.retryable or wait >= deadline.left():
                    raise
                _log.info(
                    "%s failed with %s (request %s). Next attempt in %.1f s.",
                    operation.name,
                    error.code,
                    error.request_id,
                    wait,
                )
            self._sleep(wait)
        return self.transport.send(operation, fields, deadline)

    def _wait(self, attempt: int, error: TokenBrokerError) -> float:
        """Return the seconds until the next attempt: what the broker asks for, or a growing part with jitter."""
        most = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
        return max(error.retry_after or 0.0, most * (0.5 + self._jitter() / 2))
