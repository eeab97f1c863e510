"""Prism, which reads an OpenAPI document and refuses what breaks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.reference import paths
from tests.reference.servers import serving


@contextmanager
def prism_proxy(document: Path, upstream: str) -> Iterator[str]:
    """Prism in front of a server: a request or an answer that breaks the document becomes an error."""
    with _prism("proxy", str(document), upstream) as address:
        yield address


@contextmanager
def prism_mock(document: Path) -> Iterator[str]:
    """Prism in place of a server: it answers by the document, and refuses requests that break it."""
    with _prism("mock", str(document)) as address:
        yield address


@contextmanager
def _prism(*what: str) -> Iterator[str]:
    command = [str(paths.node()), str(paths.prism()), *what, "--errors", "--host", "127.0.0.1", "--port"]
    with serving("Prism", lambda port, _: [*command, str(port)]) as address:
        yield address
