"""Prism, which reads an OpenAPI document and refuses what breaks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.reference import paths
from tests.reference.servers import serving


@contextmanager
def prism_proxy(document: Path, upstream: str) -> Iterator[str]:
    """Prism in front of a server: a request or an answer that breaks the document becomes an error."""
    what = ["proxy", str(document), upstream, "--errors", "--host", "127.0.0.1", "--port"]
    command = [str(paths.node()), str(paths.prism()), *what]
    with serving("Prism", lambda port, _: [*command, str(port)]) as address:
        yield address
