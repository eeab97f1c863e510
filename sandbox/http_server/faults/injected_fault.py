"""Define the interface of an injected fault.

An injected fault is a class. `read` takes its parameters from the control request. `inject` applies it to the
connection. `act` runs the provider's own logic, once, and returns its response. The faults that replace the response
(status, garbage, huge, malformed, redirect) act only with `"act": true`. The faults that corrupt the response always
act.
"""

from collections.abc import Callable
from typing import Protocol, Self

from sandbox.http_server.client_connection import ClientConnection
from sandbox.http_server.json_fields import Fields
from sandbox.http_server.messages import Response

type Act = Callable[[], Response]


class InjectedFault(Protocol):
    @classmethod
    def read(cls, fields: Fields, /) -> Self: ...

    def inject(self, act: Act, connection: ClientConnection, /) -> None: ...


def read_act(fields: Fields) -> bool:
    return fields.flag("act", default=False)
