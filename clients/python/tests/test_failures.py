"""What can go wrong between the client and the broker, each over a real connection."""

import contextlib
import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from urllib3.util import connection

from loopback import TOKEN, Reply, Server, answer, problem, reset, trickle
from token_broker_client import ShopClient, Storefront, Token, TokenBroker, errors
from token_broker_client.api import ApiTransport
from token_broker_client.aws import Signer
from token_broker_client.connections import ANSWER_LIMIT, CONNECT_SECONDS, Connections
from token_broker_client.direct import DirectTransport
from token_broker_client.stack import read_stack

FUNCTIONS = {"shopify/storefront_access_token": "current-abc", "chicksx/close_session": "close"}

#: Make a client of the server. The options are those of `TokenBroker`.
Make = Callable[..., TokenBroker]


@pytest.fixture(params=["api", "lambda"])
def client(request: pytest.FixtureRequest, server: Server, session: Any) -> Make:
    """Return a maker of clients that call the server, over each transport."""

    def make(**options: Any) -> TokenBroker:
        signer = Signer(session)
        direct = DirectTransport(FUNCTIONS, signer, f"http://{server.host}")
        chosen = ApiTransport.signed(server.url, signer) if request.param == "api" else direct
        return TokenBroker(chosen, **options)

    return make


def current(client: TokenBroker) -> Token:
    return client.merchant("acme").shopify.current()


def failure(client: TokenBroker) -> errors.TokenBrokerError:
    with pytest.raises(errors.TokenBrokerError) as caught:
        current(client)
    assert "VALUE-OF-A-TOKEN" not in f"{caught.value!r} {caught.value}"
    return caught.value


def test_a_token_comes_over_a_real_connection(server: Server, client: Make) -> None:
    token = current(client())
    assert (token.token_id, token.access_token) == ("1001", "VALUE-OF-A-TOKEN")
    assert token.extra == {}


HTML = b"<html>Sign in</html>"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        pytest.param(answer(HTML, Content_Type="text/html"), 200, id="HTML"),
        pytest.param(answer(b""), 200, id="empty"),
        pytest.param(answer(b"[1]"), 200, id="another type of JSON"),
        pytest.param(answer(b"[" * 100_000), 200, id="nested"),
        pytest.param(answer(b"9" * 10_000), 200, id="a long number"),
        pytest.param(answer(HTML, 302, Location="https://example.com/"), 302, id="redirect"),
        pytest.param(answer(HTML, 404), 404, id="HTML of an error"),
        pytest.param(answer(gzip.compress(b"{}"), Content_Encoding="gzip"), 200, id="gzip"),
        pytest.param(answer(b"x" * (ANSWER_LIMIT + 1)), 200, id="more than 10 MB"),
        pytest.param(answer({**TOKEN, "tokenId": 7}), None, id="a member of another type"),
        pytest.param(answer({}), None, id="no members"),
    ],
)
def test_an_answer_that_is_not_the_brokers_is_not_repeated(
    server: Server, client: Make, reply: Reply, status: int | None
) -> None:
    server.replies = [reply]
    error = failure(client())
    assert isinstance(error, errors.MalformedAnswer)
    assert error.request_id == "request-1"
    assert status is None or error.status == status
    assert len(server.requests) == 1


def test_a_page_of_a_proxy_that_fails_is_asked_for_again(server: Server, client: Make) -> None:
    server.replies = [answer(HTML, 503), answer(HTML, 429), answer(TOKEN)]
    assert current(client()).token_id == "1001"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(b'{"provider":', Content_Length="100", closing=True), id="cut off"),
        pytest.param(answer(b'{"a": 1}', Content_Length="100", closing=True), id="cut off, and JSON"),
        pytest.param(
            answer(b"5\r\n{}", Content_Length=None, Transfer_Encoding="chunked", closing=True), id="cut off in a chunk"
        ),
        pytest.param(reset, id="reset"),
        pytest.param(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), id="another protocol"),
        pytest.param(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200), id="headers"),
    ],
)
def test_a_connection_that_fails_is_a_typed_error_and_repeated(server: Server, client: Make, reply: Reply) -> None:
    server.replies = [reply]
    error = failure(client(attempts=1))
    assert isinstance(error, errors.ConnectionFailed)
    assert error.retryable
    server.replies = [reply, answer(TOKEN)]
    assert current(client()).token_id == "1001"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 1000, id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000, id="body"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, id="interim answers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100, id="chunks"),
    ],
)
def test_an_answer_that_trickles_ends_at_the_deadline(server: Server, client: Make, text: bytes) -> None:
    server.replies = [trickle(text)]
    begun = time.monotonic()
    assert isinstance(failure(client(timeout=0.3)), errors.TimedOut)
    assert 0.25 < time.monotonic() - begun < 1.5


def test_a_server_that_never_answers_is_left_at_the_deadline(server: Server, client: Make) -> None:
    server.replies = [server.never]
    begun = time.monotonic()
    assert isinstance(failure(client(timeout=0.2)), errors.TimedOut)
    assert 0.15 < time.monotonic() - begun < 1.5


def test_a_kept_connection_has_the_whole_deadline_again(server: Server, client: Make) -> None:
    def late(connection: Any) -> None:
        threading.Event().wait(0.4)
        answer(TOKEN)(connection)

    server.replies = [late, late]
    made = client(timeout=0.6)
    for _ in range(2):
        current(made)
    assert server.connections == 1


def test_a_closed_port_is_a_typed_error(server: Server, client: Make) -> None:
    made = client(attempts=1)
    server.close()
    error = failure(made)
    assert isinstance(error, errors.ConnectionFailed)
    assert "accepts no connection" in error.detail


@pytest.fixture
def unreachable(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the server's name two addresses before its own that do not answer. Return the seconds that each one got."""
    given: list[float] = []
    port = int(server.host.partition(":")[2])
    names = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{last}", port)) for last in (1, 2)]
    plain, connect = socket.getaddrinfo, connection.create_connection

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        return [*names, *plain(host, *rest, **more)]

    def open_socket(address: tuple[str, int], timeout: float, **more: Any) -> socket.socket:
        given.append(timeout)
        if address[0].startswith("192.0.2."):
            raise TimeoutError
        return connect(address, timeout, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(connection, "create_connection", open_socket)
    return given


def test_the_addresses_of_a_name_share_the_time_to_connect(client: Make, unreachable: list[float]) -> None:
    assert current(client()).token_id == "1001"
    assert unreachable == pytest.approx([CONNECT_SECONDS / 3, CONNECT_SECONDS / 2, CONNECT_SECONDS], abs=0.5)


def test_no_address_that_answers_is_a_typed_error(server: Server, client: Make, unreachable: list[float]) -> None:
    made = client(attempts=1)
    server.close()
    assert isinstance(failure(made), errors.ConnectionFailed)
    assert len(unreachable) == 3


def test_a_proxys_answer_that_trickles_ends_at_the_deadline(
    server: Server, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{server.host}")
    server.replies = [trickle(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 1000)]
    begun = time.monotonic()
    client = TokenBroker.at("https://abc.execute-api.eu-central-1.amazonaws.com/v1", session=session, timeout=0.3)
    # The oldest urllib3 reports it as a failure of the proxy.
    assert isinstance(failure(client), (errors.TimedOut, errors.ConnectionFailed))
    assert 0.25 < time.monotonic() - begun < 1.5


def test_calls_share_a_kept_connection(server: Server, client: Make) -> None:
    server.replies = [answer(TOKEN), problem("conflict", 409), answer(TOKEN)]
    made = client()
    for _ in range(5):
        with contextlib.suppress(errors.TokenBrokerError):
            current(made)
    assert len(server.requests) == 5
    assert server.connections == 1


def test_a_connection_that_the_server_closed_is_replaced(server: Server, client: Make) -> None:
    server.replies = [answer(TOKEN, closing=True)]
    made = client(attempts=1)
    for _ in range(3):
        current(made)
        server.hung_up.get(timeout=5)
    assert server.connections == 3


def test_threads_share_a_client(server: Server, client: Make) -> None:
    made = client()
    results: list[str] = []

    def call() -> None:
        results.extend(current(made).token_id for _ in range(10))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert results == ["1001"] * 80
    assert server.connections <= 8


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_of_the_environment_is_used_and_its_password_is_never_shown(
    server: Server, session: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    caplog.set_level(logging.DEBUG, "token_broker_client")
    monkeypatch.setenv(variable, f"http://user:a-password@{server.host}")
    server.replies = [answer(b"", 407)]
    client = TokenBroker.at("https://abc.execute-api.eu-central-1.amazonaws.com/v1", session=session, attempts=2)
    error = failure(client)
    assert isinstance(error, errors.ConnectionFailed)
    assert "a-password" not in f"{error} {error!r} {caplog.text}"
    assert server.requests[0].method == "CONNECT"
    assert server.requests[0].target == "abc.execute-api.eu-central-1.amazonaws.com:443"
    assert server.requests[0].headers["proxy-authorization"].startswith("Basic ")


def test_expired_credentials_at_the_api(server: Server, session: Any) -> None:
    server.replies = [problem("unauthenticated", 401)]
    error = failure(TokenBroker.at(server.url, session=session))
    assert isinstance(error, errors.Unauthenticated)
    assert (error.status, error.request_id, len(server.requests)) == (401, "request-1", 1)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (403, "ExpiredTokenException", errors.Unauthenticated),
        (403, "UnrecognizedClientException:http://internal/", errors.Unauthenticated),
        (403, "AccessDeniedException", errors.Forbidden),
        (404, "ResourceNotFoundException", errors.StackNotFound),
        (429, "TooManyRequestsException", errors.RateLimited),
        (500, "ServiceException", errors.InternalError),
        (413, "RequestTooLargeException", errors.InvalidRequest),
    ],
)
def test_what_lambda_itself_refuses(
    server: Server, session: Any, status: int, kind: str, expected: type[errors.BrokerError]
) -> None:
    server.replies = [answer({"Message": "…"}, status, x_amzn_ErrorType=kind)]
    transport = DirectTransport(FUNCTIONS, Signer(session), f"http://{server.host}")
    error = failure(TokenBroker(transport, attempts=2))
    assert type(error) is expected
    assert (error.status, error.request_id) == (status, "request-1")
    assert len(server.requests) == (2 if error.retryable else 1)


def test_a_configured_address_of_lambda_may_end_with_a_slash(
    server: Server, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://{server.host}/")
    current(TokenBroker(DirectTransport(FUNCTIONS, Signer(session))))
    assert server.requests[0].target == "/2015-03-31/functions/current-abc/invocations"


@pytest.mark.parametrize(
    ("code", "expected", "requests"),
    [
        ("ParameterNotFound", errors.StackNotFound, 1),
        ("ExpiredTokenException", errors.Unauthenticated, 1),
        ("AccessDeniedException", errors.Forbidden, 1),
        ("ValidationException", errors.StackNotFound, 1),
        ("DecryptionFailure", errors.ConnectionFailed, 1),
    ],
)
def test_a_stack_that_cannot_be_read(
    server: Server, session: Any, monkeypatch: pytest.MonkeyPatch, code: str, expected: type[Exception], requests: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://{server.host}")
    server.replies = [answer({"__type": code}, 400)]
    with pytest.raises(errors.TokenBrokerError) as caught:
        TokenBroker.from_stack("nothing", session=session)
    assert type(caught.value) is expected
    assert (caught.value.status, caught.value.request_id, len(server.requests)) == (400, "request-1", requests)
    assert not caught.value.retryable


def test_a_stack_is_read_from_one_parameter(server: Server, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://{server.host}")
    value = '{"apiUrl": "https://a/v1", "region": "r", "functions": {"a": "b"}, "secretPrefix": "p", "version": "2"}'
    server.replies = [answer({"Parameter": {"Value": value}}), answer({"Parameter": {"Value": "<html>"}}), reset]
    stack = read_stack("production", Signer(session))
    assert b'"/token-broker/production"' in server.requests[0].body
    assert (stack.api_url, stack.functions, stack.extra) == ("https://a/v1", {"a": "b"}, {"version": "2"})
    with pytest.raises(errors.MalformedAnswer):
        read_stack("production", Signer(session))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(errors.ConnectionFailed):
        read_stack("production", Signer(session))


RESERVED = "a/b?c#d[e]@f!g$h&i'j(k)l*m+n,o;p=q%r s.:~é€%2F"


def test_both_transports_send_the_same_text(server: Server, client: Make) -> None:
    from json import loads
    from urllib.parse import unquote

    server.replies = [answer({"sessionId": RESERVED, "closed": True, "closedAt": 1})]
    assert client().merchant("a/../b").chicksx.close_session(RESERVED, order_id="1").session_id == RESERVED
    [sent] = server.requests
    if sent.method == "POST" and "/invocations" in sent.target:
        assert loads(sent.body) == {"merchant": "a/../b", "sessionId": RESERVED, "orderId": "1"}
    else:
        stage, merchants, merchant, provider, sessions, session_id, close = sent.target.split("/")[1:]
        assert (stage, merchants, provider, sessions, close) == ("v1", "merchants", "chicksx", "sessions", "close")
        assert (unquote(merchant), unquote(session_id)) == ("a/../b", RESERVED)
        assert loads(sent.body) == {"orderId": "1"}


@pytest.mark.parametrize("session_id", [".", "..", "../..", "%2e%2e"])
def test_a_session_id_of_dots_stays_a_segment(server: Server, session: Any, session_id: str) -> None:
    from urllib.parse import unquote

    server.replies = [answer({"sessionId": session_id, "closed": True, "closedAt": 1})]
    TokenBroker.at(server.url, session=session).merchant("acme").chicksx.close_session(session_id)
    segments = server.requests[0].target.split("/")
    assert len(segments) == 8
    assert unquote(segments[6]) == session_id


def test_a_signature_covers_the_path_as_it_is_sent(server: Server, session: Any) -> None:
    """The path is encoded twice in what is signed, as API Gateway expects."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    server.replies = [answer({"sessionId": RESERVED, "closed": True, "closedAt": 1})]
    TokenBroker.at(server.url, session=session).merchant("acme").chicksx.close_session(RESERVED)
    [sent] = server.requests
    again = AWSRequest("POST", f"http://{server.host}{sent.target}", headers={"host": server.host}, data=sent.body)
    again.context["timestamp"] = sent.headers["x-amz-date"]
    signer = SigV4Auth(session.get_credentials(), "execute-api", "eu-central-1")
    again.headers["X-Amz-Date"] = sent.headers["x-amz-date"]
    again.headers["X-Amz-Security-Token"] = sent.headers["x-amz-security-token"]
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert sent.headers["authorization"].endswith(f"Signature={signature}")


def test_a_storefront_sends_its_origin_and_proof_and_no_signature(server: Server) -> None:
    storefront = Storefront(server.url, "acme", origin="https://shop.example")
    assert storefront.shopify_token().token_id == "1001"
    assert storefront.chicksx_token("s-1", "the.proof").token_id == "1001"
    storefront.close()
    page, proof = server.requests
    assert (page.target, page.headers["origin"]) == (
        "/v1/storefront/acme/shopify/storefront-access-token",
        "https://shop.example",
    )
    assert "authorization" not in page.headers
    assert (proof.headers["authorization"], proof.body) == ("Bearer the.proof", b'{"sessionId": "s-1"}')


def test_a_server_sends_a_new_proof_with_each_request(server: Server) -> None:
    client = ShopClient(server.url, "acme", iter(["the.first", "the.second"]).__next__)
    assert client.shopify_token().token_id == client.fourthwall_token().token_id == "1001"
    client.close()
    assert [(each.target, each.headers["authorization"]) for each in server.requests] == [
        ("/v1/clients/acme/shopify/storefront-access-token", "Bearer the.first"),
        ("/v1/clients/acme/fourthwall/public-token", "Bearer the.second"),
    ]
    assert not any("origin" in each.headers for each in server.requests)


def test_each_attempt_has_a_new_proof(server: Server) -> None:
    server.replies = [answer(HTML, 503), answer(TOKEN)]
    ShopClient(server.url, "acme", iter(["the.first", "the.second"]).__next__).shopify_token()
    assert [each.headers["authorization"] for each in server.requests] == ["Bearer the.first", "Bearer the.second"]


def test_no_log_line_has_a_value(server: Server, client: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "token_broker_client")
    caplog.set_level(logging.DEBUG, "urllib3")
    server.replies = [answer(HTML, 503), answer(TOKEN)]
    current(client())
    assert "failed with malformed_answer (request request-1)" in caplog.text
    assert not any(value in caplog.text for value in ("VALUE-OF-A-TOKEN", "a-secret-key", "a-session-token"))


def test_connections_can_be_closed(server: Server, client: Make) -> None:
    with client() as made:
        current(made)
    assert current(made).token_id == "1001"
    assert server.connections == 2
    Connections().close()
