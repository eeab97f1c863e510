"""What the template tells a function, read from the environment at the first call and checked."""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from token_broker.errors import InternalError, ProviderNotConfigured

_LOOPBACK = re.compile(r"127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|::1")


@dataclass(frozen=True, slots=True)
class Settings:
    """One function's settings. `margin` and the retentions in seconds."""

    table: str
    secret_prefix: str
    min_remaining_seconds: float
    session_retention: int
    history_retention: int


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InternalError("The function is not configured: its template did not set every variable.")
    return value


def settings() -> Settings:
    """The settings that every function has."""
    return Settings(
        table=_required("TOKEN_TABLE"),
        secret_prefix=_required("SECRET_PREFIX"),
        min_remaining_seconds=float(os.environ.get("TOKEN_MARGIN_SECONDS") or 60),
        session_retention=_days("SESSION_RETENTION_DAYS", 30),
        history_retention=_days("HISTORY_RETENTION_DAYS", 90),
    )


def _days(name: str, default: float) -> int:
    return int(float(os.environ.get(name) or default) * 24 * 60 * 60)


def event_bus() -> str:
    """The bus that events are delivered to, by its name."""
    return _required("EVENT_BUS")


def work_queues() -> dict[str, str]:
    """The queues of what is due, by their workers: providers, and the publisher of events.

    Each one's address is in a variable WORK_QUEUE_{WORKER}; no list of them is kept here.
    """
    start = "WORK_QUEUE_"
    named = {name.removeprefix(start).lower(): url for name, url in os.environ.items() if name.startswith(start)}
    return {worker: url for worker, url in named.items() if url}


def base_url(name: str) -> str:
    """A provider's address, without a slash at its end. Raises `ProviderNotConfigured` where there is none.

    Plain http is for loopback only: a secret would cross the network in clear.
    """
    url = os.environ.get(name, "").strip().rstrip("/")
    if not url:
        raise ProviderNotConfigured(
            f"This stack has no address for the provider. Deploy it with a value for the parameter behind {name}."
        )
    if not _acceptable(url):
        raise ProviderNotConfigured(
            "The provider's address in this stack is not usable: it must be https, or http on a loopback address."
        )
    return url


def _acceptable(url: str) -> bool:
    try:
        # `{shop}` is no host name yet; it becomes a checked one.
        parts = urlsplit(url.replace("{shop}", "shop"))
    except ValueError:
        return False
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(parts.hostname) is not None)


def optional(name: str, default: str) -> str:
    """A setting that a provider brings along."""
    return os.environ.get(name) or default
