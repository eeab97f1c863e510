"""Recognize public addresses, the only ones to which a merchant's policy can make this function connect.

Other addresses can be those of the function's runtime, of the cloud's metadata, and of the account's own network.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import SimpleQueue
from threading import Thread

_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: NAT64's well-known prefix (RFC 6052). In a network without IPv4, every IPv4 address has it.
_NAT64 = IPv6Network("64:ff9b::/96")
#: Global for some versions of `ipaddress`, but never a server: the relays of 6to4, and documentation.
_NOT_PUBLIC = (IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


def is_public(address: str) -> bool:
    """Return whether an address is global unicast. An embedded IPv4 address decides for its IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if (embedded := _embedded(parsed)) is not None:
            return _is_public(embedded)
        return parsed in _GLOBAL_UNICAST and _is_public(parsed)
    return _is_public(parsed)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that receives the packets, or None. 6to4 and Teredo are never public."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def look_up(host: str, port: int, seconds: float) -> list[str]:
    """Return a name's addresses, each once. IPv4 comes first, since a function without IPv6 would lose time.

    Raises `OSError`, and `TimeoutError` after `seconds`, since the resolver has no time limit of its own.
    """
    results: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()
    thread = Thread(target=_look_up, args=(host, port, results), daemon=True)
    thread.start()
    thread.join(seconds)
    if results.empty():
        raise TimeoutError
    result = results.get()
    if isinstance(result, UnicodeError):
        raise OSError("not a name") from None
    if isinstance(result, OSError):
        raise result
    return result


def _look_up(host: str, port: int, results: "SimpleQueue[list[str] | OSError | UnicodeError]") -> None:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        results.put(error)
    else:
        rows.sort(key=lambda row: row[0] != socket.AF_INET)
        results.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
