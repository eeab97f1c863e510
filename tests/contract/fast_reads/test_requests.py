"""A fast read asks DynamoDB for what botocore asks it for. If both fail, the error is botocore's."""

import json
import socket
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from tests.contract.fast_reads.conftest import CREDENTIALS
from tests.contract.fast_reads.incomplete import INCOMPLETE
from tests.contract.fast_reads.reading import Reader, item, respond
from tests.contract.scripted_server import Seen, always, serving
from token_broker.aws import session
from token_broker.aws.store.table import Table
from token_broker.errors import StorageUnavailable

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1|x y/é\n"
#: Those that decide what a request is and where it belongs. The signature has tests of its own.
COMPARED = ("host", "content-type", "accept-encoding", "x-amz-target", "x-amz-security-token")

#: botocore would wait for the rest of these responses.
ENDED_BY_CLOSING = ("status_100", "no_usable_length", "malformed_head", "encoded")

type Clients = Callable[[str], Any]


@pytest.fixture
def botocore_at(monkeypatch: pytest.MonkeyPatch) -> Clients:
    """Return a maker of the functions' own client, for an address."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between its tries

    def make(address: str) -> Any:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        return session.client.__wrapped__("dynamodb")

    return make


def compared(seen: Seen) -> dict[str, Any]:
    headers = {name: seen.headers.get(name) for name in (*COMPARED, "x-amzn-trace-id")}
    return {**headers, "request": (seen.method, seen.target, json.loads(seen.body))}


@pytest.mark.parametrize("token", [CREDENTIALS[2], None])
@pytest.mark.parametrize("trace", [TRACE, None])
def test_the_request_is_botocores(monkeypatch: pytest.MonkeyPatch, token: str | None, trace: str | None) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop-token")
    if token is None:
        monkeypatch.delenv("AWS_SESSION_TOKEN")
    if trace is not None:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    pages = respond(json.dumps({**json.loads(item()), "Items": []}).encode())

    with serving(always(pages)) as server:
        client = botocore.session.get_session().create_client("dynamodb", endpoint_url=server.origin)
        fast, plain = Reader(server.origin), Table(lambda: client, "tokens")
        fast.read()
        fast.page()
        plain.get(("p", "s"))
        list(plain.query("p"))

    assert (fast.reasons, fast.left) == ([], [])
    ours, botocores = server.seen[:2], server.seen[2:]
    assert [compared(each) for each in ours] == [compared(each) for each in botocores]
    assert [each.headers["authorization"].partition("Signature=")[0] for each in ours] == [
        each.headers["authorization"].partition("Signature=")[0] for each in botocores
    ]


def outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # noqa: BLE001  # botocore itself can stumble over such a response
        return type(error)


@pytest.mark.parametrize(("octets", "reason"), INCOMPLETE)
def test_a_response_that_stays_has_one_outcome_with_and_without(
    botocore_at: Clients, octets: bytes, reason: str
) -> None:
    with serving(always(octets, keep=reason not in ENDED_BY_CLOSING)) as server:
        client, fast = botocore_at(server.origin), Reader(server.origin)
        with_it = Table(lambda: client, "tokens", fast_read=fast.fast.read)
        without = Table(lambda: client, "tokens")

        assert outcome(lambda: with_it.get(("p", "s"))) == outcome(lambda: without.get(("p", "s")))
        assert fast.reasons == [reason]


def test_an_address_where_nobody_listens_is_botocores_error(botocore_at: Clients) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client, fast = botocore_at(address), Reader(address)
    table = Table(lambda: client, "tokens", fast_read=fast.fast.read)

    with pytest.raises(StorageUnavailable) as failed:
        table.get(("p", "s"))

    assert failed.value.causes == ("DynamoDB: EndpointConnectionError",)
    assert failed.value.__cause__ is None


def test_of_two_items_the_last_one_counts_as_with_botocore(botocore_at: Clients) -> None:
    body = f'{{"Item": {{"by": {{"S": "a"}}}}, {item("b").decode()[1:-1]}}}'.encode()

    with serving(always(respond(body))) as server:
        client, fast = botocore_at(server.origin), Reader(server.origin)
        found = Table(lambda: client, "tokens").get(("p", "s"))

        assert found is not None
        assert (fast.read(), fast.reasons) == (found["by"], []) == ("b", [])
