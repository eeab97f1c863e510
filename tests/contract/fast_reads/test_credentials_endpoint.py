"""Credentials from the container endpoint, as Lambda serves them under SnapStart."""

import json
import socket
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.fast_reads.reading import BOTOCORE, FAST, Reader, respond
from tests.contract.scripted_server import Seen, always, answer, dripping, serving, taking
from token_broker.aws.fast_reads import credentials
from token_broker.aws.fast_reads.connection import Failed
from token_broker.aws.fast_reads.credentials import RENEWED_BEFORE, CredentialSource

AUTHORIZATION = "authorization-canary-4d1a"
HOUR = 60 * 60
LIMIT = 0.2


@pytest.fixture(autouse=True)
def environment(credentials: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", AUTHORIZATION)


def at(monkeypatch: pytest.MonkeyPatch, address: str) -> CredentialSource:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
    return CredentialSource()


def members(number: int = 1, /, *, seconds: float = HOUR, **changed: Any) -> dict[str, Any]:
    end = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat().replace("+00:00", "Z")
    known = {"AccessKeyId": f"ASIA{number}", "SecretAccessKey": "canary-s", "Token": "canary-t", "Expiration": end}
    return {**known, **changed}


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in members().items() if each != name}


def told(value: Any) -> bytes:
    return answer(json.dumps(value).encode())


@pytest.mark.parametrize("authorization", [AUTHORIZATION, None])
def test_they_are_fetched_once_with_lambdas_authorization(
    monkeypatch: pytest.MonkeyPatch, authorization: str | None
) -> None:
    if authorization is None:
        monkeypatch.delenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")

    with serving(always(told(members()))) as server:
        source = at(monkeypatch, f"{server.origin}/2021-04-23/credentials?role=a")
        found = [source.current(), source.current()]

    assert found == [("ASIA1", "canary-s", "canary-t")] * 2
    (asked,) = server.seen
    assert (asked.method, asked.target) == ("GET", "/2021-04-23/credentials?role=a")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert (asked.headers["accept"], asked.headers["connection"]) == ("application/json", "close")
    assert asked.headers.get("authorization") == authorization


@pytest.mark.parametrize(
    ("left", "fetched"), [(RENEWED_BEFORE + 60, ["ASIA1"]), (RENEWED_BEFORE - 1, ["ASIA1", "ASIA2"])]
)
def test_they_are_renewed_shortly_before_their_end(
    monkeypatch: pytest.MonkeyPatch, left: float, fetched: list[str]
) -> None:
    def script(_seen: Seen, connection: socket.socket) -> bool:
        number = len(server.seen)
        connection.sendall(told(members(number, seconds=left if number == 1 else HOUR)))
        return False

    with serving(script) as server:
        source = at(monkeypatch, server.origin)
        found = [each.key_id for _ in range(4) if (each := source.current()) is not None]

    assert (sorted(set(found)), found[-1], len(server.seen)) == (fetched, fetched[-1], len(fetched))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (answer(b"{}", status=500), "status_500"),
        (answer(b"{}", status=403), "status_403"),
        (answer(b"", status=302, headers={"Location": "http://127.0.0.1/"}), "status_302"),
        (answer(b"<html>canary</html>"), "JSONDecodeError"),
        (told([]), "credentials_malformed"),
        (told("canary"), "credentials_malformed"),
        *((told(without(name)), "credentials_malformed") for name in members()),
        (told(members(Token=3)), "credentials_malformed"),
        (told(members(SecretAccessKey="")), "credentials_malformed"),
        (told(members(Expiration="canary")), "credentials_malformed"),
        (told(members(Expiration=1_795_910_400)), "credentials_malformed"),
        (told(members(Token="canary\r\nx: y")), "ValueError"),
        (told(members())[:-2], "cut_off"),
        (b"", "closed"),
    ],
)
def test_without_usable_credentials_botocore_reads(monkeypatch: pytest.MonkeyPatch, octets: bytes, reason: str) -> None:
    with serving(always(octets, keep=False)) as server, serving(always(respond())) as dynamodb:
        at(monkeypatch, server.origin)
        reader = Reader(dynamodb.origin)

        assert (reader.read(), reader.reasons, dynamodb.seen) == (BOTOCORE, [reason], [])
        assert "canary" not in reason


def test_a_read_is_signed_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(told(members()), keep=False)) as server, serving(always(respond())) as dynamodb:
        at(monkeypatch, server.origin)
        reader = Reader(dynamodb.origin)

        assert (reader.read(), reader.reasons) == (FAST, [])
        assert server.seen[0].target == "/"
        assert dynamodb.seen[0].headers["x-amz-security-token"] == "canary-t"
        assert "Credential=ASIA1/" in dynamodb.seen[0].headers["authorization"]


@pytest.mark.parametrize(
    "address",
    [
        *("http://169.254.170.2/creds", "http://host.example/creds", "https://127.0.0.1/creds"),
        *(
            "http://127.0.0.1@host.example/creds",
            "http://127.0.0.1.host.example/creds",
            "127.0.0.1/creds",
            "file:///creds",
        ),
    ],
)
def test_an_endpoint_elsewhere_is_not_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The authorization would be sent there."""
    monkeypatch.setattr(credentials, "Connection", lambda *_: pytest.fail("a connection was opened"))

    with pytest.raises(Failed, match=r"^credentials_elsewhere$"):
        at(monkeypatch, address).current()


@pytest.mark.parametrize("authorization", [f"{AUTHORIZATION}\r\nx-evil: 1", "clé"])
def test_an_authorization_that_cannot_be_in_a_header_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, authorization: str
) -> None:
    monkeypatch.setattr(credentials, "Connection", lambda *_: pytest.fail("a connection was opened"))
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", authorization)

    with pytest.raises(Failed, match=r"^credentials_malformed$"):
        at(monkeypatch, "http://127.0.0.1:9/creds").current()


def test_a_silent_endpoint_takes_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "TIME_LIMIT", LIMIT)

    with serving(dripping(told(members()), LIMIT / 4)) as server, taking(LIMIT * 0.9, LIMIT * 10):
        at(monkeypatch, server.origin)
        reader = Reader(server.origin)
        assert (reader.read(), reader.reasons) == (BOTOCORE, ["TimeoutError"])


def test_they_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(told(members()))) as server:
        source = at(monkeypatch, server.origin)
        shown = f"{source.current()!r} {source.current()} {source!r}"

    assert "canary" not in shown
