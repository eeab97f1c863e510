"""Each way in which the simulators can make a provider's next answer go wrong."""

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.simulators import Addresses, ControlClient, ControlError
from tests.contract.exchanges.playing import Reply, send

KEYS = {"x-api-key": "demo-key", "x-client-id": "demo-client", "Content-Type": "application/json"}
PATH, BODY = "/public_token/create", b'{"sessionId":"s-1"}'


class Merchant:
    """A ChicksX merchant: `fault` is for its next request, `mint` is that request."""

    def __init__(self, base: str, control: ControlClient) -> None:
        self.base = base
        self.control = control
        control.put_account("chicksx", "demo", apiKey="demo-key", clientId="demo-client")

    def fault(self, kind: str, **parameters: object) -> None:
        self.control.fault("chicksx", kind, **parameters)

    def mint(self, timeout: float = 5) -> Reply:
        return send(self.base, "POST", PATH, headers=KEYS, body=BODY, timeout=timeout)

    @property
    def mints(self) -> int:
        return int(self.control.state()["chicksx"]["demo"]["mints"])

    def await_mints(self, number: int) -> None:
        deadline = time.monotonic() + 5
        while self.mints < number and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.mints == number


@pytest.fixture
def merchant(simulators: Addresses, control: ControlClient) -> Merchant:
    return Merchant(simulators["chicksx"], control)


@pytest.mark.parametrize(
    ("fault", "error", "minted"),
    [
        ({"kind": "refuse"}, ConnectionError, 0),
        ({"kind": "drop_before_acting"}, http.client.RemoteDisconnected, 0),
        ({"kind": "drop_before_acting", "reset": True}, ConnectionResetError, 0),
        ({"kind": "act_then_drop"}, http.client.RemoteDisconnected, 1),
        ({"kind": "act_then_drop", "reset": True}, ConnectionResetError, 1),
        ({"kind": "malformed"}, http.client.BadStatusLine, 0),
        ({"kind": "malformed", "body": "HTTP/1.1 twenty OK\r\n\r\n"}, http.client.BadStatusLine, 0),
        ({"kind": "truncated", "missing": 5}, http.client.IncompleteRead, 1),
        ({"kind": "hang", "seconds": 0.6}, TimeoutError, 0),
        ({"kind": "hang", "seconds": 0.6, "late": True}, TimeoutError, 1),
        ({"kind": "act_then_hang", "seconds": 30}, TimeoutError, 1),
    ],
)
def test_a_caller_gets_no_answer_and_the_provider_has_acted_or_not(
    merchant: Merchant, fault: dict[str, Any], error: type[Exception], minted: int
) -> None:
    merchant.fault(**fault)

    with pytest.raises(error) as raised:
        merchant.mint(timeout=0.3 if error is TimeoutError else 5)

    if isinstance(raised.value, http.client.IncompleteRead):
        assert raised.value.expected == 5
    if fault["kind"] == "hang":
        time.sleep(0.4)
    merchant.await_mints(minted)
    assert [each["acted"] for each in merchant.control.requests()] == [bool(minted)] * (fault["kind"] != "refuse")
    assert merchant.mint().status == 201


@pytest.mark.parametrize(
    ("fault", "status", "shows", "minted"),
    [
        ({"kind": "status", "status": 503, "body": {"a": 1}}, 503, lambda r: r.json() == {"a": 1}, 0),
        ({"kind": "status", "status": 429, "headers": {"A": "7"}}, 429, lambda r: r.headers["a"] == "7", 0),
        ({"kind": "status", "status": 503, "act": True}, 503, lambda r: r.body == b"", 1),
        ({"kind": "garbage"}, 200, lambda r: r.headers["content-type"] == "text/html; charset=utf-8", 0),
        ({"kind": "garbage", "bodyBase64": "/wD+"}, 200, lambda r: r.body == b"\xff\x00\xfe", 0),
        ({"kind": "garbage", "contentType": "a/b"}, 200, lambda r: r.headers["content-type"] == "a/b", 0),
        ({"kind": "huge", "bytes": 3_000_000}, 200, lambda r: len(r.json()) == 2_999_998, 0),
        ({"kind": "huge", "bytes": 9, "chunked": True}, 200, lambda r: "transfer-encoding" in r.headers, 0),
        ({"kind": "redirect"}, 302, lambda r: r.headers["location"].endswith("/redirected"), 0),
        ({"kind": "redirect", "status": 307, "location": "a:b"}, 307, lambda r: r.headers["location"] == "a:b", 0),
        ({"kind": "answer_override", "patch": {"data": None}}, 201, lambda r: "data" not in r.json(), 1),
        ({"kind": "answer_override", "patch": {"code": 7}}, 201, lambda r: r.json()["code"] == 7, 1),
        ({"kind": "answer_override", "headers": {"A": "7"}}, 201, lambda r: r.headers["a"] == "7", 1),
        ({"kind": "answer_override", "status": 200}, 200, lambda r: r.json()["code"] == "OK", 1),
    ],
)
def test_an_answer_is_wrong_and_the_provider_has_acted_or_not(
    merchant: Merchant, fault: dict[str, Any], status: int, shows: Callable[[Reply], bool], minted: int
) -> None:
    merchant.fault(**fault)

    reply = merchant.mint()

    assert (reply.status, merchant.mints) == (status, minted)
    assert shows(reply)


def test_refuse_also_ends_a_kept_connection(merchant: Merchant) -> None:
    connection = http.client.HTTPConnection(urlsplit(merchant.base).netloc, timeout=5)

    def ask() -> bytes:
        connection.request("POST", f"/v1{PATH}", BODY, KEYS)
        return connection.getresponse().read()

    try:
        assert ask()
        merchant.fault("refuse")
        with pytest.raises(ConnectionError):
            ask()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang", "seconds": 0.2},
        {"kind": "slow_drip", "secondsPerByte": 0.001, "part": "headers"},
        {"kind": "slow_drip", "secondsPerByte": 0.001, "part": "body"},
    ],
)
def test_an_answer_that_is_slow_is_right_in_the_end(merchant: Merchant, fault: dict[str, Any]) -> None:
    merchant.fault(**fault)
    started = time.monotonic()

    assert merchant.mint().json()["code"] == "OK"
    assert time.monotonic() - started > 0.1


def test_a_caller_that_stops_reading_harms_nobody(merchant: Merchant, capfd: pytest.CaptureFixture[str]) -> None:
    merchant.fault("huge", bytes=200_000_000)
    with socket.create_connection(("127.0.0.1", urlsplit(merchant.base).port or 0), timeout=5) as caller:
        caller.sendall(f"POST /v1{PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        caller.recv(1000)

    assert merchant.mint().status == 201
    assert capfd.readouterr() == ("", "")


def test_a_fault_strikes_as_often_as_told_and_only_what_it_names(merchant: Merchant) -> None:
    merchant.fault("status", status=500, times=2, method="POST", pathContains="public_token")
    merchant.fault("status", status=501, method="GET")
    merchant.control.fault("shopify", "status", status=502)

    assert [merchant.mint().status for _ in range(3)] == [500, 500, 201]
    assert [(each["provider"], each["left"]) for each in merchant.control.faults()] == [("chicksx", 1), ("shopify", 1)]
    merchant.control.forget_faults()
    assert merchant.control.faults() == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"kind": "explode"}, "kind must be one of refuse, hang"),
        ({"kind": "hang"}, "seconds must be a number"),
        ({"kind": "hang", "seconds": 1, "sekonds": 2}, "knows no field sekonds"),
        ({"kind": "status", "status": 99}, "status must be a whole number from 200"),
        ({"kind": "refuse", "method": "POST"}, "takes no method"),
        ({"kind": "answer_override"}, "needs patch"),
        ({"kind": "garbage", "bodyBase64": "%%"}, "must be base64"),
        ({"kind": "garbage", "times": 0}, "times must be a whole number from 1"),
        ({"kind": "garbage", "provider": "paypal"}, "provider must be one of chicksx, fourthwall, shopify"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    control: ControlClient, fault: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence):
        control.call("POST", "/faults", {"provider": "chicksx", **fault})
