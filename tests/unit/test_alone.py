"""A unit test that would open a socket or sleep is stopped, and so is each one after it."""

import socket
import time

import pytest
from pytest_socket import SocketBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
@pytest.mark.parametrize("test", ["the first of a module", "the next"])
def test_no_socket_is_opened(test: str) -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket()


@pytest.mark.parametrize("test", ["the first of a module", "the next"])
def test_nothing_sleeps(test: str) -> None:
    with pytest.raises(AssertionError, match="would have slept for 1 s"):
        time.sleep(1)
