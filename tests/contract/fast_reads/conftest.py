"""Credentials in the environment for the fast reads, and an end for the connections that they keep."""

from collections.abc import Iterator

import pytest

from tests.contract.fast_reads.reading import connections_closed
from token_broker.aws.fast_reads import credentials as credentials_module
from token_broker.aws.fast_reads import reads

CREDENTIALS = ("ASIACANARY7D31", "secret-canary-7d31", "token-canary-7d31")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Return the key's id, its secret and its token."""
    for name, value in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"), CREDENTIALS, strict=True):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    return CREDENTIALS


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a busy machine time. Tests of the limits set their own."""
    for module in (reads, credentials_module):
        monkeypatch.setattr(module, "TIME_LIMIT", 20.0)


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with connections_closed(monkeypatch):
        yield
