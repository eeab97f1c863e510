"""The control address: accounts, what was seen, bad input; and the simulators as a process of their own."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sandbox.settings import PROJECT
from sandbox.simulators import Addresses, ControlClient, ControlError, PortBusyError, running_simulators
from tests.contract.exchanges.playing import Reply, send


def public_token(fourthwall: str, token: str) -> Reply:
    return send(fourthwall, "PUT", "/open-api/v1.0/public-token", headers={"Authorization": f"Bearer {token}"})


def test_what_was_seen_shows_fingerprints_for_credentials(simulators: Addresses, control: ControlClient) -> None:
    headers = {
        "Authorization": "Basic c2VjcmV0OnNlY3JldA==",
        "X-Api-Key": "secret-key",
        "X-Client-Id": "secret-client",
        "X-Shopify-Access-Token": "secret-token",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    hidden = dict.fromkeys(("client_id", "client_secret", "refresh_token", "subject_token"), "hunter-1")
    form = urlencode({"grant_type": "client_credentials", **hidden}).encode()
    send(simulators["shopify"], "POST", "/admin/oauth/access_token?a=b", headers=headers, body=form)
    send(simulators["shopify"], "POST", "/admin/oauth/access_token", body=b'{"client_secret":"hunter-2')

    seen, broken = control.requests()
    fingerprint = hashlib.sha256(b"secret-token").hexdigest()[:12]

    assert "secret-" not in json.dumps(seen)
    assert "hunter" not in json.dumps([seen, broken])
    assert seen["headers"]["x-shopify-access-token"] == f"sha256:{fingerprint}"
    assert seen["headers"]["authorization"].startswith("Basic sha256:")
    assert (seen["method"], seen["path"]) == ("POST", "/admin/oauth/access_token?a=b")
    assert seen["body"]["grant_type"] == "client_credentials"
    assert (seen["acted"], seen["status"], seen["fault"]) == (True, 400, None)
    control.forget_requests()
    assert control.requests() == []


@pytest.mark.parametrize(
    ("provider", "fields", "sentence"),
    [
        ("fourthwall", {}, "needs username and password, or accessToken"),
        ("fourthwall", {"username": "u"}, "needs username and password"),
        ("fourthwall", {"accessToken": "t", "rateLimit": {"requests": 0}}, "requests must be a whole number"),
        ("chicksx", {"apiKey": "k"}, "needs clientId"),
        ("chicksx", {"apiKey": "k", "clientId": "c", "secret": "s"}, "knows no field secret"),
        ("shopify", {"shop": "shop.example", "adminAccessToken": "t"}, "ends with .myshopify.com"),
        ("shopify", {}, "needs adminAccessToken, or clientId and clientSecret"),
        ("shopify", {"clientId": "c"}, "needs clientId and clientSecret together"),
        ("shopify", {"adminAccessToken": "t", "refreshToken": "r"}, "refreshToken or previousClientSecret needs c"),
        ("shopify", {"adminAccessToken": "t", "deleteAnswer": "xml"}, "must be one of empty, object, text"),
        ("fourthwall", {"clientId": "c", "clientSecret": "s"}, "clientId, clientSecret and refreshToken together"),
        ("issuer", {}, "no such provider"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(
    control: ControlClient, provider: str, fields: dict[str, object], sentence: str
) -> None:
    shop = {"shop": "demo.myshopify.com"} if provider == "shopify" else {}

    with pytest.raises(ControlError, match=sentence):
        control.put_account(provider, "demo", **shop | fields)


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("POST", "/clock", {"advance": -1}, "advance must be a number from 0"),
        ("POST", "/clock", [], "must be a JSON object"),
        ("POST", "/shopify/tokens", {"account": "nobody"}, "put it first"),
        ("POST", "/shopify/pairs", {"account": "nobody"}, "put it first"),
        ("POST", "/chicksx/orders", {"sessionId": "s", "account": "nobody"}, "put it first"),
        ("POST", "/fourthwall/tokens", {"account": "nobody"}, "put it first"),
        ("GET", "/requests?provider=paypal", None, "provider must be one of"),
        ("GET", "/nowhere", None, "No such address"),
        ("PATCH", "/clock", {}, "takes GET, POST"),
        ("POST", "/issuer/keys", {"alg": "HS256"}, "alg must be one of RS256, ES256"),
        ("POST", "/issuer/keys", {"kid": ""}, "kid must be a non-empty string"),
        ("POST", "/issuer/keys", {"size": 512}, "knows no field size"),
        ("POST", "/issuer/tokens", {}, "needs claims"),
        ("POST", "/issuer/tokens", {"claims": "all"}, "needs claims, a JSON object"),
        ("POST", "/issuer/tokens", {"claims": {}, "headers": []}, "headers must be one"),
        ("POST", "/issuer/tokens", {"claims": {}, "kid": "unknown"}, "there is no such key"),
        ("POST", "/issuer/tokens", {"claims": {}, "alg": "none"}, "it can't sign by this alg"),
    ],
)
def test_bad_control_input_gets_a_sentence(
    control: ControlClient, method: str, path: str, body: object, sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence):
        control.call(method, path, body)


def test_two_accounts_cannot_have_one_admin_token(control: ControlClient) -> None:
    control.put_account("shopify", "one", shop="one.myshopify.com", adminAccessToken="same")

    with pytest.raises(ControlError, match="one has this token"):
        control.put_account("shopify", "two", shop="two.myshopify.com", adminAccessToken="same")


def test_a_replaced_account_keeps_its_tokens_and_a_deleted_one_loses_them(
    simulators: Addresses, control: ControlClient
) -> None:
    for token in ("old", "new"):
        control.put_account("fourthwall", "demo", accessToken=token)
        assert public_token(simulators["fourthwall"], token).status == 200

    assert control.state()["fourthwall"]["demo"]["mints"] == 1
    assert control.delete_account("fourthwall", "demo") is True
    assert control.state()["fourthwall"] == {}


def test_bodies_are_bounded(simulators: Addresses) -> None:
    headers = {"Content-Length": str(10**12)}

    assert send(simulators["chicksx"], "POST", "/public_token/create", headers=headers).status == 413


def test_a_busy_port_gets_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortBusyError, match=f"Port {port} for shopify"), running_simulators({"shopify": port}):
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_writes_its_addresses_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "sandbox.simulators", "--ready-file", str(ready)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            deadline = time.monotonic() + 10
            while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            addresses = json.loads(ready.read_text())
            control = ControlClient(addresses["control"])
            control.put_account("fourthwall", "demo", accessToken="t")
            reply = public_token(addresses["fourthwall"], "t")
            control.fault("shopify", "hang", seconds=600)
            with pytest.raises(TimeoutError):
                send(addresses["shopify"], "GET", "/", timeout=0.1)
            os.kill(process.pid, number)
            output, _ = process.communicate(timeout=10)
        finally:
            process.kill()

    assert addresses.keys() == {"pid", "fourthwall", "chicksx", "shopify", "issuer", "control"}
    assert addresses["pid"] == process.pid
    assert addresses["chicksx"].endswith("/v1")
    assert reply.status == 200
    assert (process.returncode, output, ready.exists()) == (0, b"", False)
