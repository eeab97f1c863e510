"""Serve the site on a free loopback port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.http_server.listener import Listener
from sandbox.storefront.site import Site

BODY_LIMIT = 64 * 1024
POLL_SECONDS = 0.02


@contextmanager
def running_storefront(stack_folder: Path) -> Iterator[str]:
    """Yield the shop's address, without a trailing slash, while the shop is open."""
    stopping = threading.Event()
    listener = Listener(
        0,
        receive=lambda request: (None, lambda: site.respond(request)),
        refuses=lambda: False,
        stopping=stopping,
        body_limit=BODY_LIMIT,
    )
    site = Site(stack_folder, port=listener.server_address[1])
    thread = threading.Thread(target=listener.serve_forever, args=(POLL_SECONDS,), name="storefront")
    thread.start()
    try:
        yield listener.origin
    finally:
        stopping.set()
        listener.stop()
        thread.join()
