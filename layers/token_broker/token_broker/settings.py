"""Read and check a function's settings, which the template sets as environment variables."""

import os
import re
from urllib.parse import urlsplit

from token_broker.errors import InternalError, ProviderNotConfigured

_LOOPBACK = re.compile(r"127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|::1")


def required(name: str) -> str:
    """Return a setting that the template always sets. Raises `InternalError` if it is missing."""
    value = os.environ.get(name)
    if not value:
        raise InternalError(
            "The function is not configured. Deploy the template again, so that it sets every variable."
        )
    return value


def optional(name: str, default: str) -> str:
    """Return a setting, or its default if the variable is empty."""
    return os.environ.get(name) or default


def days(name: str, default: str) -> int:
    """Return a number of days in seconds."""
    return int(float(optional(name, default)) * 24 * 60 * 60)


def positive(name: str, default: str) -> int:
    """Return a whole number of at least 1. Raises `InternalError` for any other value."""
    value = optional(name, default)
    if not value.isdecimal() or int(value) < 1:
        raise InternalError(f"The function's setting {name} is not valid. It must be a whole number of at least 1.")
    return int(value)


def work_queues() -> dict[str, str]:
    """Return the URL of each worker's queue, by the worker's name.

    A worker is a provider's or the one that delivers events. Each variable `WORK_QUEUE_{WORKER}` has one URL. Several
    can have the same one.
    """
    prefix = "WORK_QUEUE_"
    queues = {name.removeprefix(prefix).lower(): url for name, url in os.environ.items() if name.startswith(prefix)}
    return {worker: url for worker, url in queues.items() if url}


def base_url(name: str) -> str:
    """Return a provider's base URL without a slash at its end.

    Raises `ProviderNotConfigured` if the variable has no usable URL. Plain HTTP is allowed for loopback addresses only,
    because it would send secrets unencrypted.
    """
    url = os.environ.get(name, "").strip().rstrip("/")
    if not url:
        raise ProviderNotConfigured(
            f"This stack has no address for the provider. Deploy it with a value for the parameter that sets {name}."
        )
    if not _acceptable(url):
        raise ProviderNotConfigured(
            "The provider's address in this stack is not usable. It must be https, or http on a loopback address."
        )
    return url


def _acceptable(url: str) -> bool:
    try:
        # `{shop}` is replaced later by a checked host name.
        parts = urlsplit(url.replace("{shop}", "shop"))
    except ValueError:
        return False
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(parts.hostname) is not None)
