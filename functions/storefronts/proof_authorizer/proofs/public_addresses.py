"""Recognize public addresses, the only ones to which a merchant's policy can make this function connect.

Other addresses can be those of the function's runtime, of the cloud's metadata, and of the account's own network.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from token_broker.http import name_lookup

_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: NAT64's well-known prefix (RFC 6052). In a network without IPv4, every IPv4 address has it.
_NAT64 = IPv6Network("64:ff9b::/96")
#: Global for some versions of `ipaddress`, but never a server: the relays of 6to4, and documentation.
_NOT_PUBLIC = (IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


def is_public(address: str) -> bool:
    """Return whether an address is global unicast. An embedded IPv4 address decides for its IPv6 address.

    6to4 and Teredo are never public.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6:
        if parsed in _NAT64:
            parsed = IPv4Address(int(parsed) & 0xFFFF_FFFF)
        elif parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        elif parsed not in _GLOBAL_UNICAST:
            return False
    return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NOT_PUBLIC)


def look_up(host: str, port: int, seconds: float) -> list[str]:
    """Return a name's addresses, each once. IPv4 comes first, since a function without IPv6 would lose time.

    Raises `OSError`, and `TimeoutError` after `seconds`.
    """
    rows = sorted(name_lookup.look_up(host, port, seconds), key=lambda row: row[0] != socket.AF_INET)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))
