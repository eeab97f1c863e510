"""The demo storefront's server: what it serves, whom its backend signs for, and whom not."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest

from sandbox.storefront.server import running_storefront
from sandbox.storefront.site import PAGE
from tests.contract.exchanges.playing import Reply, send
from tests.contract.scripted_server import Seen, answer, serving

KEY = "k" * 32
API = "http://127.0.0.1:1/_aws/execute-api/abc/v1"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """Run a demo storefront whose simulated Secrets Manager holds one key."""

    def key_store(seen: Seen, connection: socket.socket) -> bool:
        assert json.loads(seen.body) == {"SecretId": "prefix/storefront-proof/demo"}
        secret = {"ARN": "arn", "Name": "name", "SecretString": json.dumps({"keys": {"old": "o" * 32, "demo-1": KEY}})}
        connection.sendall(answer(json.dumps(secret).encode(), headers={"Content-Type": "application/x-amz-json-1.1"}))
        return True

    with serving(key_store) as server, running_storefront(tmp_path) as url:
        described = {
            "apiUrl": API,
            "endpointUrl": server.origin,
            "region": "us-east-1",
            "secretPrefix": "prefix",
            "credentials": {"accessKeyId": "test", "secretAccessKey": "test"},
        }
        (tmp_path / "stack.json").write_text(json.dumps(described))
        yield url


def post(shop: str, path: str, *, origin: str | None = None, host: str | None = None, cookie: str = "") -> Reply:
    sent = {"Origin": origin, "Host": host, "Cookie": cookie or None}
    return send(shop, "POST", path, headers={name: value for name, value in sent.items() if value is not None})


def cookie_of(reply: Reply) -> str:
    return reply.headers["set-cookie"].partition(";")[0]


def claims_of(reply: Reply) -> dict[str, object]:
    assert reply.status == 200, reply.body
    claims: dict[str, object] = jwt.decode(
        reply.json()["proof"], KEY, algorithms=["HS256"], audience="token-broker", issuer="https://demo.example"
    )
    assert jwt.get_unverified_header(reply.json()["proof"]) == {"alg": "HS256", "kid": "demo-1", "typ": "JWT"}
    return claims


def test_the_backend_signs_for_the_visitors_session_for_five_minutes(shop: str) -> None:
    reply = post(shop, "/proof", origin=shop)

    claims = claims_of(reply)
    assert set(claims) == {"iss", "aud", "sid", "iat", "exp"}
    assert claims["sid"] == reply.json()["sessionId"]
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 300
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["set-cookie"].partition(";")[2] == " Path=/; HttpOnly; SameSite=Strict"
    assert reply.json()["sessionId"] not in reply.headers["set-cookie"]


def test_a_visitor_keeps_the_session_until_another_checkout_begins(shop: str) -> None:
    first = post(shop, "/proof", origin=shop)
    cookie = cookie_of(first)

    again = post(shop, "/proof", origin=shop, cookie=f"other=1; {cookie}")
    begun = post(shop, "/checkouts", origin=shop, cookie=cookie)
    after = post(shop, "/proof", origin=shop, cookie=cookie)

    assert "set-cookie" not in again.headers
    assert claims_of(again)["sid"] == claims_of(first)["sid"]
    assert begun.json()["sessionId"] == claims_of(after)["sid"] != claims_of(first)["sid"]


@pytest.mark.parametrize("cookie", ["", "token_broker_demo_visitor=made-up", "token_broker_demo_visitor=", "=;=,\x01"])
def test_whoever_is_not_known_is_a_new_visitor(shop: str, cookie: str) -> None:
    known = post(shop, "/proof", origin=shop).json()["sessionId"]

    for path in ("/proof", "/checkouts"):
        reply = post(shop, path, origin=shop, cookie=cookie)
        assert "made-up" not in cookie_of(reply)
        assert reply.json()["sessionId"] != known


def test_a_session_that_the_page_names_is_not_signed(shop: str) -> None:
    body, headers = b'{"sessionId": "checkout-of-somebody-else"}', {"Origin": shop, "Content-Type": "application/json"}

    reply = send(shop, "POST", "/proof?sessionId=checkout-of-somebody-else", headers=headers, body=body)

    assert claims_of(reply)["sid"] != "checkout-of-somebody-else"


@pytest.mark.parametrize("path", ["/proof", "/checkouts"])
@pytest.mark.parametrize(
    "origin", [None, "null", "https://shop.example", "http://127.0.0.1", "http://localhost:{port}"]
)
def test_nothing_is_signed_for_another_origin(shop: str, path: str, origin: str | None) -> None:
    port = urlsplit(shop).port

    reply = post(shop, path, origin=origin and origin.format(port=port))

    assert post(shop, path, origin=shop, host=f"localhost:{port}").status == 403, "the server's other name"
    assert (reply.status, reply.headers["content-type"]) == (403, "application/problem+json")
    assert "set-cookie" not in reply.headers
    assert shop in reply.json()["detail"]


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:{port}", "127.0.0.1:1", "127.0.0.1", ""])
def test_another_name_that_leads_here_gets_nothing(shop: str, host: str) -> None:
    named = host.format(port=urlsplit(shop).port)

    assert send(shop, "GET", "/", headers={"Host": named}).status == 421
    assert post(shop, "/proof", origin=f"http://{named}", host=named).status == 421


def test_no_other_page_may_read_anything(shop: str) -> None:
    """There is no CORS here, and a preflight gets no leave."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    for method, path, status in (("GET", "/configuration", 200), ("OPTIONS", "/proof", 405)):
        reply = send(shop, method, path, headers=headers)
        assert reply.status == status
        assert not any(name.startswith("access-control-") for name in reply.headers)
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_the_page_may_load_its_own_files_and_ask_the_storefront_routes_only(shop: str, path: str) -> None:
    parts = send(shop, "GET", path).headers["content-security-policy"].split(";")
    policy = dict(part.strip().split(" ", 1) for part in parts)

    assert policy.pop("connect-src") == f"'self' {API}/storefront/"
    own = {"script-src", "style-src", "img-src"}
    assert {name for name, allowed in policy.items() if allowed == "'self'"} == own
    closed = {"default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types"}
    assert {name for name, allowed in policy.items() if allowed == "'none'"} == closed
    assert set(policy) == own | closed | {"require-trusted-types-for"}


def test_the_page_is_told_where_everything_is(shop: str) -> None:
    port = urlsplit(shop).port

    told = {"apiUrl": API, "merchant": "demo", "shopOrigin": shop, "otherOrigin": f"http://localhost:{port}"}
    assert send(shop, "GET", "/configuration").json() == told


KINDS = {"/": "html", "/main.js": "javascript", "/style.css": "css", "/merchant_backend.py": "plain"}


@pytest.mark.parametrize(
    ("path", "kind"), [*((path, f"text/{kind}") for path, kind in KINDS.items()), ("/icon.svg", "image/svg+xml")]
)
def test_its_files_are_served_as_what_they_are_and_nothing_else_is(shop: str, path: str, kind: str) -> None:
    reply = send(shop, "GET", path)

    assert (reply.status, reply.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert send(shop, "HEAD", path).headers["content-length"] == str(len(reply.body))
    for other in ("/site.py", "/../site.py", "/%2e%2e/site.py", "/main.js/", "/proof/", "/.env"):
        assert send(shop, "GET", other).status == 404


def test_the_page_loads_nothing_from_anywhere_else() -> None:
    for file in PAGE.iterdir():
        addresses = {part.split('"')[0] for part in file.read_text().split("://")[1:]}
        assert addresses <= {"www.w3.org/2000/svg"}, file.name


def test_without_a_stack_it_says_what_to_do(shop: str, tmp_path: Path) -> None:
    (tmp_path / "stack.json").unlink()

    reply = send(shop, "GET", "/")

    assert (reply.status, reply.json()["detail"]) == (503, "The local stack is not up. Run `make up`.")
