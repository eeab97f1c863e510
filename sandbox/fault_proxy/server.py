"""Start and stop the proxy's two listeners together."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sandbox.fault_proxy.control import Control
from sandbox.fault_proxy.proxy import FaultProxy
from sandbox.http_server.listener import Listener, Receive

BODY_LIMIT = 16 * 1024 * 1024
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Addresses:
    """Hold the proxy's addresses. `url` is the functions' AWS endpoint."""

    url: str
    control: str


@contextmanager
def running_fault_proxy() -> Iterator[Addresses]:
    """Serve on free loopback ports from threads of this process until the block ends."""
    proxy, stopping = FaultProxy(), threading.Event()
    control = Control(proxy)
    with ExitStack() as listeners:

        def listen(receive: Receive) -> str:
            listener = Listener(0, receive, refuses=lambda: False, stopping=stopping, body_limit=BODY_LIMIT)
            thread = threading.Thread(target=listener.serve_forever, args=(POLL_SECONDS,), name="fault proxy")
            thread.start()
            listeners.callback(thread.join)
            listeners.callback(listener.stop)
            return listener.origin

        try:
            yield Addresses(
                url=listen(proxy.receive),
                control=listen(lambda request: (None, lambda: control.respond(request))),
            )
        finally:
            stopping.set()
