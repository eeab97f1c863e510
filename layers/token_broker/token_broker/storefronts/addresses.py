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

_visible_origin = visible(ORIGIN_LIMIT)
_visible_address = visible(JWKS_URI_LIMIT)

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_AFTER_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_IPV6_LOOPBACK = "[::1]"
_DEFAULT_PORTS = {"https": "443", "http": "80"}
_PRIVATE_NAMES = (".localhost", ".local", ".internal")


def origin(value: Any) -> str:
    """Return an origin, `https://host` or `https://host:port`. Plain http is accepted for loopback hosts only."""
    _check_text(value)
    scheme, separator, authority = value.partition("://")
    if not separator or scheme not in _DEFAULT_PORTS:
        raise ValueError("an origin that begins with https://")
    if "@" in authority:
        raise ValueError("an origin without a user's name between https:// and the host")
    if any(character in authority for character in "/?#\\"):
        raise ValueError("an origin without a path, not even a slash after the host and port")
    host, port = _host_and_port(authority)
    _check_origin_port(scheme, port)
    _check_origin_host(host)
    if scheme == "http" and not _is_loopback(host):
        raise ValueError(
            "an origin that begins with https://. Plain http is accepted for localhost, *.localhost, 127.0.0.0/8 and "
            "[::1] only"
        )
    return str(value)


def jwks_uri(value: Any, loopback_origin: str = "") -> str:
    """Return the address of an OIDC issuer's keys, with https, port 443 and a public host name.

    `loopback_origin` is the one origin of this machine that is accepted in addition, with any path. It has no effect if
    it is not a loopback origin. The name is not resolved here, so the code that fetches has to check its addresses.
    """
    try:
        _visible_address(value)
    except ValueError:
        raise ValueError(
            f"an https address of 1 to {JWKS_URI_LIMIT} visible ASCII characters. "
            "Write a host name in another script in its xn-- form"
        ) from None
    if "#" in value:
        raise ValueError("an address without a fragment. Leave out '#' and the text after it")
    if loopback_origin and value.startswith(loopback_origin + "/") and _is_loopback_origin(loopback_origin):
        path = value.removeprefix(loopback_origin + "/")
    elif value.startswith("https://"):
        authority, slash, path = value.removeprefix("https://").partition("/")
        _check_jwks_host(authority)
        if not slash:
            raise ValueError("an address with a path, at least a slash after the host")
    else:
        raise ValueError("an address that begins with https://, in lower case")
    if not _AFTER_HOST.fullmatch(path):
        raise ValueError("an address whose path and query have only URL characters. Write other characters as %XX")
    return str(value)


def _check_text(value: Any) -> None:
    """Check an origin as a whole, before it is parsed."""
    try:
        _visible_origin(value)
    except ValueError:
        raise ValueError(
            f"an origin like https://shop.example, of 1 to {ORIGIN_LIMIT} visible ASCII characters. "
            "Write a host name in another script in its xn-- form"
        ) from None
    if "*" in value:
        raise ValueError("one exact origin without a wildcard. List each host by itself")
    if value == "null":
        raise ValueError("an origin like https://shop.example. Any sandboxed page sends 'null'")
    if value != value.lower():
        raise ValueError("an origin in lower case, as browsers send it")


def _host_and_port(authority: str) -> tuple[str, str | None]:
    """Return the host and the port. The port is None if there is no colon."""
    inside = authority.find("]") + 1  # the colons of an IPv6 address are not the port's
    rest, colon, port = authority[inside:].partition(":")
    return authority[:inside] + rest, port if colon else None


def _check_origin_port(scheme: str, port: str | None) -> None:
    if port is None:
        return
    if port == _DEFAULT_PORTS[scheme]:
        raise ValueError(f"an origin without ':{port}'. Browsers leave out the default port of {scheme}")
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError("an origin whose port, if there is one, is from 1 to 65535 without leading zeros")


def _check_origin_host(host: str) -> None:
    if host.endswith("."):
        raise ValueError("an origin without a dot at the end of its host")
    if host != _IPV6_LOOPBACK and not _is_name(host) and not _is_ipv4(host):
        raise ValueError(
            "an origin whose host is a name (labels of 1 to 63 letters, digits and inner hyphens, the last beginning "
            "with a letter), an IPv4 address in its four decimal numbers, or [::1]"
        )


def _check_jwks_host(authority: str) -> None:
    if "@" in authority:
        raise ValueError("an address without a user's name or password before the host")
    host, colon, port = authority.partition(":")
    if host != host.lower():
        raise ValueError("an address whose host is in lower case")
    if host.endswith("."):
        raise ValueError("an address without a dot at the end of its host")
    if len(host) > 253 or not _is_name(host) or "." not in host:
        raise ValueError("an address whose host is a full name like login.example, not an IP address or a single word")
    if host.endswith(_PRIVATE_NAMES):
        raise ValueError("an address whose host is a public name, not one under .localhost, .local or .internal")
    if colon and port != "443":
        raise ValueError("an address at port 443. Leave out the port")


def _is_name(host: str) -> bool:
    """Return whether a host is a DNS name. To browsers a last label that begins with a digit means an IPv4 address."""
    labels = host.split(".")
    return all(map(_LABEL.fullmatch, labels)) and labels[-1][0].isalpha()


def _is_ipv4(host: str) -> bool:
    """Return whether a host is an IPv4 address in a browser's spelling, unlike `127.1` and `0x7f.0.0.1`."""
    numbers = host.split(".")
    return len(numbers) == 4 and all(
        each.isdecimal() and each == str(int(each)) and int(each) < 256 for each in numbers
    )


def _is_loopback(host: str) -> bool:
    """Return whether a well-formed host is this machine."""
    if host in {"localhost", _IPV6_LOOPBACK} or host.endswith(".localhost"):
        return True
    return host.startswith("127.") and _is_ipv4(host)


def _is_loopback_origin(text: str) -> bool:
    try:
        origin(text)
    except ValueError:
        return False
    return _is_loopback(_host_and_port(text.partition("://")[2])[0])
