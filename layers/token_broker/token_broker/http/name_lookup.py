"""Look up the addresses of a name within a time limit, which the system's resolver does not have."""

import socket
from threading import Thread
from typing import Any

#: Family, kind, protocol, canonical name and address, as `socket.getaddrinfo` returns them.
type Row = tuple[int, int, int, str, tuple[Any, ...]]


class _LookUp(Thread):
    """Ask the resolver. A thread that it keeps waiting does not keep the process."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True)
        self._name = host, port
        self.rows: list[Row] = []
        self.failure: OSError | None = None

    def run(self) -> None:
        try:
            self.rows = list(socket.getaddrinfo(*self._name, type=socket.SOCK_STREAM))
        except UnicodeError:
            self.failure = OSError("not a name")
        except OSError as error:
            self.failure = error


def look_up(host: str, port: int, seconds: float) -> list[Row]:
    """Return the resolver's rows for TCP. Raises `OSError`, and `TimeoutError` after `seconds`."""
    asking = _LookUp(host, port)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise TimeoutError
    if asking.failure is not None:
        raise asking.failure
    return asking.rows
