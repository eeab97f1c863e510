"""Which addresses of the network are anybody's: all that a merchant's policy can make this function connect to.

Behind the others are this function's own runtime, the cloud's metadata, and whatever the account's network holds.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import SimpleQueue
from threading import Thread

_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: NAT64's well-known prefix (RFC 6052): in a network without IPv4, every IPv4 address looks like this.
_NAT64 = IPv6Network("64:ff9b::/96")
#: What `ipaddress` counts as global, at least in some versions, and is no server's: 6to4's relays, documentation.
_NOT_PUBLIC = (IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


def is_public(address: str) -> bool:
    """Whether an address, as text, is global unicast. One that carries an IPv4 address is judged by that."""
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
    """The IPv4 address that packets to this one would go to; not for 6to4 and Teredo, which are never public."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def look_up(host: str, port: int, seconds: float) -> list[str]:
    """A name's addresses, each once, IPv4 first: a function without IPv6 would lose its time on the others.

    Raises `OSError`; `TimeoutError` after that many seconds, which the resolver itself does not know of.
    """
    found: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()
    thread = Thread(target=_look_up, args=(host, port, found), daemon=True)
    thread.start()
    thread.join(seconds)
    if found.empty():
        raise TimeoutError
    result = found.get()
    if isinstance(result, UnicodeError):
        raise OSError("not a name") from None
    if isinstance(result, OSError):
        raise result
    return result


def _look_up(host: str, port: int, found: "SimpleQueue[list[str] | OSError | UnicodeError]") -> None:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        found.put(error)
    else:
        rows.sort(key=lambda row: row[0] != socket.AF_INET)
        found.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
