"""Each way in which the simulators can make a provider's next answer go wrong."""

import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from sandbox.simulators import Addresses, ControlClient, ControlError
from tests.contract.exchanges.playing import Reply, send

KEYS = {"x-api-key": "demo-key", "x-client-id": "demo-client", "Content-Type": "application/json"}


@pytest.fixture
def merchant(control: ControlClient) -> ControlClient:
    control.put_account("chicksx", "demo", apiKey="demo-key", clientId="demo-client")
    return control


def mint(simulators: Addresses, timeout: float = 5) -> Reply:
    body = json.dumps({"sessionId": "s-1"}).encode()
    return send(simulators["chicksx"], "POST", "/public_token/create", headers=KEYS, body=body, timeout=timeout)


def mints(control: ControlClient) -> int:
    count: int = control.state()["chicksx"]["demo"]["mints"]
    return count


def test_refuse_resets_the_connection_unread(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "refuse")

    with pytest.raises(ConnectionError):
        mint(simulators)

    assert merchant.requests() == []
    assert mint(simulators).status == 201


def ask(connection: http.client.HTTPConnection) -> bytes:
    connection.request("POST", "/v1/public_token/create", b"{}", KEYS)
    return connection.getresponse().read()


def test_refuse_also_ends_a_kept_connection(simulators: Addresses, merchant: ControlClient) -> None:
    connection = http.client.HTTPConnection(urlsplit(simulators["chicksx"]).netloc, timeout=5)
    try:
        assert ask(connection)
        merchant.fault("chicksx", "refuse")
        with pytest.raises(ConnectionError):
            ask(connection)
    finally:
        connection.close()


def test_hang_waits_before_acting(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "hang", seconds=0.2)
    started = time.monotonic()

    assert mint(simulators).status == 201
    assert time.monotonic() - started >= 0.2


def test_hang_does_nothing_once_the_caller_has_left(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "hang", seconds=0.3)

    with pytest.raises(TimeoutError):
        mint(simulators, timeout=0.1)

    time.sleep(0.35)
    assert mints(merchant) == 0


def test_a_late_hang_acts_though_the_caller_has_left(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "hang", seconds=0.5, late=True)

    with pytest.raises(TimeoutError):
        mint(simulators, timeout=0.1)

    deadline = time.monotonic() + 5
    while mints(merchant) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert mints(merchant) == 1


def test_act_then_hang_has_acted_when_the_caller_gives_up(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "act_then_hang", seconds=30)

    with pytest.raises(TimeoutError):
        mint(simulators, timeout=0.1)

    assert mints(merchant) == 1


@pytest.mark.parametrize(("act", "minted"), [(False, 0), (True, 1)])
def test_status_answers_anything(simulators: Addresses, merchant: ControlClient, *, act: bool, minted: int) -> None:
    merchant.fault("chicksx", "status", status=503, body={"code": "DOWN"}, headers={"Retry-After": "7"}, act=act)

    reply = mint(simulators)

    assert (reply.status, reply.json(), reply.headers["retry-after"]) == (503, {"code": "DOWN"}, "7")
    assert mints(merchant) == minted


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(("kind", "minted"), [("drop_before_acting", 0), ("act_then_drop", 1)])
def test_drop_closes_without_an_answer(
    simulators: Addresses, merchant: ControlClient, kind: str, minted: int, *, reset: bool
) -> None:
    merchant.fault("chicksx", kind, reset=reset)

    with pytest.raises(ConnectionResetError if reset else http.client.RemoteDisconnected):
        mint(simulators)

    assert mints(merchant) == minted
    assert merchant.requests()[-1]["acted"] is bool(minted)


def test_garbage_is_html_or_any_bytes(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "garbage")
    merchant.fault("chicksx", "garbage", bodyBase64="/wD+", contentType="application/json")

    html, raw = mint(simulators), mint(simulators)

    assert (html.status, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (raw.status, raw.body) == (200, b"\xff\x00\xfe")
    assert mints(merchant) == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_huge_streams_a_json_string(simulators: Addresses, merchant: ControlClient, *, chunked: bool) -> None:
    merchant.fault("chicksx", "huge", bytes=3_000_000, chunked=chunked)

    reply = mint(simulators)

    assert len(reply.body) == 3_000_000
    assert isinstance(reply.json(), str)
    assert ("content-length" in reply.headers) is not chunked


def test_a_caller_that_stops_reading_harms_nobody(
    simulators: Addresses, merchant: ControlClient, capfd: pytest.CaptureFixture[str]
) -> None:
    merchant.fault("chicksx", "huge", bytes=200_000_000)
    with socket.create_connection(("127.0.0.1", urlsplit(simulators["chicksx"]).port or 0), timeout=5) as caller:
        caller.sendall(b"POST /v1/public_token/create HTTP/1.1\r\nHost: x\r\n\r\n")
        caller.recv(1000)

    assert mint(simulators).status == 201
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("part", ["headers", "body"])
def test_slow_drip_sends_byte_by_byte(simulators: Addresses, merchant: ControlClient, part: str) -> None:
    merchant.fault("chicksx", "slow_drip", secondsPerByte=0.001, part=part)
    started = time.monotonic()

    assert mint(simulators).json()["code"] == "OK"
    assert time.monotonic() - started > 0.1


def test_malformed_is_not_http(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "malformed")
    merchant.fault("chicksx", "malformed", body="HTTP/1.1 twenty OK\r\n\r\n")

    for _ in range(2):
        with pytest.raises(http.client.BadStatusLine):
            mint(simulators)


def test_truncated_ends_before_the_declared_length(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "truncated", missing=5)

    with pytest.raises(http.client.IncompleteRead) as raised:
        mint(simulators)

    assert raised.value.expected == 5
    assert mints(merchant) == 1


def test_redirect_points_elsewhere(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "redirect", status=307, location="http://127.0.0.1:1/")
    merchant.fault("chicksx", "redirect")

    given, usual = mint(simulators), mint(simulators)

    assert (given.status, given.headers["location"]) == (307, "http://127.0.0.1:1/")
    assert (usual.status, usual.headers["location"]) == (
        302,
        simulators["chicksx"].replace("/v1", "/redirected"),
    )


@pytest.mark.parametrize(
    ("patch", "path", "lie"),
    [
        ({"data": None}, (), ("data", None)),
        ({"data": {"expiresAt": 1}}, ("data",), ("expiresAt", 1)),
        ({"data": {"expiresAt": 1_900_000_000_000}}, ("data",), ("expiresAt", 1_900_000_000_000)),
        ({"data": {"expiresAt": "tomorrow"}}, ("data",), ("expiresAt", "tomorrow")),
        ({"data": {"accessToken": "x" * 1_000_000}}, ("data",), ("accessToken", "x" * 1_000_000)),
        ({"data": {"jti": None}}, ("data",), ("jti", None)),
    ],
    ids=["no data", "passed", "milliseconds", "a string", "a megabyte", "no jti"],
)
def test_answer_override_lies_after_acting(
    simulators: Addresses,
    merchant: ControlClient,
    patch: dict[str, object],
    path: tuple[str, ...],
    lie: tuple[str, object],
) -> None:
    merchant.fault("chicksx", "answer_override", patch=patch)

    reply = mint(simulators)
    place = reply.json()
    for step in path:
        place = place[step]

    assert reply.status == 201
    assert place.get(lie[0]) == lie[1]
    assert mints(merchant) == 1


def test_answer_override_changes_status_and_headers(simulators: Addresses, merchant: ControlClient) -> None:
    merchant.fault("chicksx", "answer_override", status=200, headers={"Content-Type": "text/plain"})

    reply = mint(simulators)

    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain")
    assert reply.json()["code"] == "OK"


def test_a_fault_strikes_as_often_as_told_and_only_what_it_names(
    simulators: Addresses, merchant: ControlClient
) -> None:
    merchant.fault("chicksx", "status", status=500, times=2, method="POST", pathContains="public_token")
    merchant.fault("chicksx", "status", status=501, method="GET")
    merchant.fault("shopify", "status", status=502)

    assert [mint(simulators).status for _ in range(3)] == [500, 500, 201]
    assert [(each["provider"], each["left"]) for each in merchant.faults()] == [
        ("chicksx", 1),
        ("shopify", 1),
    ]
    merchant.forget_faults()
    assert merchant.faults() == []


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
        ({"kind": "garbage", "provider": "paypal"}, "provider must be one of chicksx, fourthwall, shopify, issuer"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    control: ControlClient, fault: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence):
        control.call("POST", "/faults", {"provider": "chicksx", **fault})
