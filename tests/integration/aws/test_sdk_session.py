"""The SDK with less data and fewer handlers than it ships does what the whole SDK does, where Token Broker uses it."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError
from urllib3 import HTTPResponse

from tests.contract.scripted_server import ScriptedServer, always, answer, serving
from token_broker.aws import session


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    session.client.cache_clear()
    yield
    session.client.cache_clear()


@pytest.fixture(scope="module")
def whole_sdk() -> botocore.session.Session:
    return botocore.session.get_session()


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-central-1", "ap-southeast-5", "cn-north-1", "us-gov-west-1", "eu-isoe-west-1"]
)
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("dynamodb", "GetItem"),
        ("secretsmanager", "GetSecretValue"),
        ("sqs", "SendMessageBatch"),
        ("events", "PutEvents"),
    ],
)
@pytest.mark.parametrize("fips", ["true", "false"])
def test_a_region_has_the_address_and_partition_of_the_whole_sdk(
    monkeypatch: pytest.MonkeyPatch,
    whole_sdk: botocore.session.Session,
    region: str,
    service: str,
    operation: str,
    fips: str,
) -> None:
    """Each service's own rules decide at each call. The table beside them is not up to date for SQS and EventBridge."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)

    ours, whole = session.client(service), whole_sdk.create_client(service)

    assert ours.meta.region_name == region
    assert ours.meta.partition == whole.meta.partition
    assert address_asked(ours, operation) == address_asked(whole, operation)
    if service in {"dynamodb", "secretsmanager"}:
        assert ours.meta.endpoint_url == whole.meta.endpoint_url


def address_asked(client: Any, operation: str) -> str:
    """Where a call would be sent to."""
    model = client.meta.service_model.operation_model(operation)
    return str(client._ruleset_resolver.construct_endpoint(model, {}, {}).url)  # noqa: SLF001


def test_a_client_is_made_once() -> None:
    assert session.client("dynamodb") is session.client("dynamodb")


def ask(headers: dict[str, str], content: bytes) -> Any:
    """Ask for an item, and hear this answer."""

    def respond(**_: Any) -> AWSResponse:
        raw = HTTPResponse(BytesIO(content), preload_content=False)
        return AWSResponse("https://dynamodb.us-east-1.amazonaws.com", 200, HTTPHeaders.from_dict(headers), raw)

    client = session.client("dynamodb")
    client.meta.events.register("before-send.dynamodb.GetItem", respond)
    return client.get_item(TableName="tokens", Key={})


@pytest.mark.parametrize("came", [b"", b"{", b'{"Item": {}'])
def test_an_answer_that_broke_off_is_none(came: bytes) -> None:
    """Reject a truncated response, which botocore would take for a missing item or an empty secret."""
    with pytest.raises(BotoCoreError):
        ask({"content-length": "12"}, came)


@pytest.mark.parametrize("content", [b"", b"<html>It works</html>"])
def test_an_answer_of_something_else_is_none(content: bytes) -> None:
    """Reject what botocore would take for a missing item. A token would be minted for it."""
    with pytest.raises(BotoCoreError):
        ask({"content-length": str(len(content))}, content)


@pytest.mark.parametrize("headers", [{"content-length": "2"}, {}])
def test_a_whole_answer_is_one_also_where_its_length_was_not_declared(headers: dict[str, str]) -> None:
    assert "Item" not in ask(headers, b"{}")


TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1"


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """Run an SQS on loopback that accepts every message."""
    with serving(always(answer())) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.origin)
        yield server


def send() -> None:
    session.client("sqs").send_message_batch(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/work", Entries=[])


def test_on_lambda_a_request_carries_the_trace_of_its_invocation(
    monkeypatch: pytest.MonkeyPatch, sqs: ScriptedServer
) -> None:
    """Join X-Ray's traces by this header. Lambda detects a recursive loop by its lineage."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "dispatch")
    for invocation in (TRACE, f"{TRACE}0"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", invocation)
        send()

    assert [request.headers["x-amzn-trace-id"] for request in sqs.seen] == [TRACE, f"{TRACE}0"]


def test_elsewhere_a_request_carries_no_trace(monkeypatch: pytest.MonkeyPatch, sqs: ScriptedServer) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)

    send()

    assert "x-amzn-trace-id" not in sqs.seen[0].headers
