"""Check the two kinds of web address in a trust policy: a browser's origin, and the address of an issuer's keys.

An origin is compared as text with the one that the browser sends. It is accepted only in a browser's spelling, and
nothing is rewritten. Each rule returns the value, or raises `ValueError` with the values that it accepts, as in
`fields`. URL libraries are not used, since each repairs its input in its own way: a path for one is a host for another.
"""

import re
from typing import Any

from token_broker.domain.fields import visible

ORIGIN_LIMIT = 128
JWKS_URI_LIMIT = 1024

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NUMBER = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#: A DNS name. To browsers a last label that begins with a digit means an IPv4 address.
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?=[a-z]){_LABEL}")
#: An IPv4 address in a browser's spelling, unlike `127.1` and `0x7f.0.0.1`.
_IPV4 = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{3}}")
_LOOPBACK = re.compile(rf"(?:{_LABEL}\.)*localhost|127(?:\.{_NUMBER}){{3}}|\[::1\]")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_AFTER_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_DEFAULT_PORTS = {"https": "443", "http": "80"}

_HOSTS = (
    "an origin whose host is a name (labels of 1 to 63 letters, digits and inner hyphens, the last beginning with a "
    "letter), an IPv4 address in its four decimal numbers, or [::1]"
)
_ONLY_HTTPS = (
    "an origin that begins with https://. Plain http is accepted for localhost, *.localhost, 127.0.0.0/8 and [::1] only"
)


def origin(value: Any) -> str:
    """Return an origin, `https://host` or `https://host:port`. Plain http is accepted for loopback hosts only."""
    _check_visible(value, ORIGIN_LIMIT, "an origin like https://shop.example,")
    scheme, _, authority = value.partition("://")
    host, port = _host_and_port(authority)
    is_host = host == "[::1]" or _NAME.fullmatch(host) or _IPV4.fullmatch(host)
    is_port = port is None or (_PORT.fullmatch(port) and int(port) <= 65535)
    default_port = _DEFAULT_PORTS.get(scheme, "")
    _reject(
        ("*" in value, "one exact origin without a wildcard. List each host by itself"),
        (value == "null", "an origin like https://shop.example. Any sandboxed page sends 'null'"),
        (value != value.lower(), "an origin in lower case, as browsers send it"),
        (not value.startswith(("https://", "http://")), "an origin that begins with https://"),
        ("@" in authority, "an origin without a user's name between https:// and the host"),
        (not set("/?#\\").isdisjoint(authority), "an origin without a path, not even a slash after the host and port"),
        (port == default_port, f"an origin without ':{port}'. Browsers leave out the default port of {scheme}"),
        (not is_port, "an origin whose port, if there is one, is from 1 to 65535 without leading zeros"),
        (host.endswith("."), "an origin without a dot at the end of its host"),
        (not is_host, _HOSTS),
        (scheme == "http" and not _LOOPBACK.fullmatch(host), _ONLY_HTTPS),
    )
    return str(value)


def jwks_uri(value: Any, loopback_origin: str = "") -> str:
    """Return the address of an OIDC issuer's keys, with https, port 443 and a public host name.

    `loopback_origin` is the one origin of this machine that is accepted in addition, with any path. It has no effect if
    it is not a loopback origin. The name is not resolved here, so the code that fetches has to check its addresses.
    """
    _check_visible(value, JWKS_URI_LIMIT, "an https address")
    if "#" in value:
        raise ValueError("an address without a fragment. Leave out '#' and the text after it")
    if value.startswith(f"{loopback_origin}/") and _is_loopback_origin(loopback_origin):
        path = value.removeprefix(f"{loopback_origin}/")
    else:
        path = _path_at_public_host(value)
    if not _AFTER_HOST.fullmatch(path):
        raise ValueError("an address whose path and query have only URL characters. Write other characters as %XX")
    return str(value)


def _check_visible(value: Any, limit: int, what: str) -> None:
    try:
        visible(limit)(value)
    except ValueError as expected:
        raise ValueError(f"{what} of {expected}. Write a host name in another script in its xn-- form") from None


def _reject(*faults: tuple[bool, str]) -> None:
    """Raise `ValueError` for the first fault that is found, with what is accepted instead."""
    for found, accepted in faults:
        if found:
            raise ValueError(accepted)


def _host_and_port(authority: str) -> tuple[str, str | None]:
    """Return the host and the port. The port is None if there is no colon."""
    inside = authority.find("]") + 1  # the colons of an IPv6 address are not the port's
    rest, colon, port = authority[inside:].partition(":")
    return authority[:inside] + rest, port if colon else None


def _path_at_public_host(value: str) -> str:
    """Return the path and query. Raises `ValueError` unless the host is a public name."""
    authority, slash, path = value.removeprefix("https://").partition("/")
    host, colon, port = authority.partition(":")
    private = host.endswith((".localhost", ".local", ".internal"))
    full_name = len(host) <= 253 and "." in host and _NAME.fullmatch(host) is not None
    _reject(
        (not value.startswith("https://"), "an address that begins with https://, in lower case"),
        ("@" in authority, "an address without a user's name or password before the host"),
        (host != host.lower(), "an address whose host is in lower case"),
        (host.endswith("."), "an address without a dot at the end of its host"),
        (not full_name, "an address whose host is a full name like login.example, not an IP address or a single word"),
        (private, "an address whose host is a public name, not one under .localhost, .local or .internal"),
        (bool(colon) and port != "443", "an address at port 443. Leave out the port"),
        (not slash, "an address with a path, at least a slash after the host"),
    )
    return path


def _is_loopback_origin(text: str) -> bool:
    try:
        origin(text)
    except ValueError:
        return False
    return _LOOPBACK.fullmatch(_host_and_port(text.partition("://")[2])[0]) is not None
