"""Which addresses of the network a fetch of keys may connect to, and how a name is looked up."""

import socket
import threading
from typing import Any, NoReturn

import pytest

from proofs.public_addresses import is_public, look_up

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "192.0.1.1",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:801::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

NOT_PUBLIC = {
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),  # noqa: S104  # bound to nothing
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254", "fec0::1"),
    "shared": ("100.64.0.1", "100.127.255.255"),
    "link-local, with the cloud's metadata": ("169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved, broadcast": ("240.0.0.1", "255.255.255.255", "4000::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    "benchmarks, protocols' own": ("192.0.0.170", "198.18.0.1", "192.88.99.1", "100::1", "2001:2::1", "5f00::1"),
    "IPv4, mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1"),
    "IPv4 multicast, mapped": ("::ffff:224.0.0.1",),
    "IPv4, compatible": ("::127.0.0.1", "::8.8.8.8"),
    "IPv4, translated": ("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"),
    "IPv4 multicast, translated": ("64:ff9b::224.0.0.1", "64:ff9b::192.88.99.1"),
    "6to4": ("2002:7f00:1::", "2002:a9fe:a9fe::", "2002:808:808::"),
    "Teredo": ("2001:0:7f00:1::", "2001:0:808:808::"),
    "no address": ("", "localhost", "1.1.1.1:443", "[2606:4700::1]"),
    "no address to Python": ("127.1", "0x7f.0.0.1", "010.0.0.1", "2130706433"),
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_that_is_anybodys_is_taken(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [address for group in NOT_PUBLIC.values() for address in group])
def test_an_address_that_is_only_reached_from_within_is_not(address: str) -> None:
    assert not is_public(address)


def resolving(monkeypatch: pytest.MonkeyPatch, *rows: tuple[socket.AddressFamily, str]) -> None:
    def getaddrinfo(_host: str, port: int, **_: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in rows]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_has_its_addresses_once_each_and_ipv4_first(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(
        monkeypatch,
        (socket.AF_INET6, "2606:4700::1"),
        (socket.AF_INET, "8.8.8.8"),
        (socket.AF_INET6, "2606:4700::1"),
        (socket.AF_INET, "8.8.4.4"),
    )

    assert look_up("login.example", 443, 1.0) == ["8.8.8.8", "8.8.4.4", "2606:4700::1"]


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_has_no_address_is_an_error(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> NoReturn:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    with pytest.raises(OSError, match=r"not"):
        look_up("login.example", 443, 1.0)


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        answered.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    with pytest.raises(TimeoutError):
        look_up("login.example", 443, 0.01)
    answered.set()
