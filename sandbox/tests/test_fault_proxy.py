"""The fault proxy in front of a server that stands for AWS, asked by the SDK of the functions."""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from botocore.session import Session

from sandbox.control_address import ControlError
from sandbox.fault_proxy import KINDS, READ_KINDS, FaultProxyClient
from sandbox.fault_proxy.server import running_fault_proxy
from tests.contract.scripted_server import ScriptedServer, always, answer, serving

SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "a-merchant"}}}),
    "secretsmanager": ("get_secret_value", {"SecretId": "a-merchant"}),
    "sqs": ("send_message_batch", {"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "a-merchant"}]}),
}
#: All three services take something from it.
ANSWER = b'{"Item": {}, "SecretString": "x", "Successful": []}'
#: Seconds; less than what the proxy waits where a test wants it to be late.
SDK_WAITS = 0.2


#: One session for all tests, since it reads the services' descriptions once.
SDK = Session()


@dataclass
class Bench:
    """`aws.seen` is what came through; `ask` asks once, without repetitions."""

    aws: ScriptedServer
    proxy: FaultProxyClient
    url: str
    clients: dict[str, Any] = field(default_factory=dict)

    def ask(self, service: str = "dynamodb") -> Any:
        if service not in self.clients:
            self.clients[service] = SDK.create_client(
                service,
                endpoint_url=self.url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(read_timeout=SDK_WAITS, retries={"total_max_attempts": 1}, parameter_validation=False),
            )
        operation, arguments = SERVICES[service]
        heard = getattr(self.clients[service], operation)(**arguments)
        if heard.keys() == {"ResponseMetadata"}:  # The SDK takes a response that is cut for an empty one.
            raise IncompleteReadError(actual_bytes=0, expected_bytes=len(ANSWER))
        return heard

    def succeeds(self, service: str = "dynamodb") -> bool:
        try:
            self.ask(service)
        except (ClientError, BotoCoreError):
            return False
        return True

    def await_calls(self, number: int) -> None:
        """Wait until so many calls have come to AWS, and it has answered them."""
        deadline = time.monotonic() + 10
        while self._answered() < number and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (len(self.aws.seen), self._answered()) == (number, number)

    def _answered(self) -> int:
        return [each["status"] for each in self.proxy.calls()].count(200)


@pytest.fixture
def bench() -> Iterator[Bench]:
    said = answer(ANSWER, headers={"X-Amzn-RequestId": "r-1"})
    with serving(always(said)) as aws, running_fault_proxy() as addresses:
        proxy = FaultProxyClient(addresses.control)
        proxy.set_upstream(aws.origin)
        bench = Bench(aws, proxy, addresses.url)
        yield bench
        for client in bench.clients.values():
            client.close()


def test_a_call_is_passed_on_as_it_was_signed(bench: Bench) -> None:
    heard = bench.ask()

    (seen,) = bench.aws.seen
    assert seen.headers["host"] == bench.url.removeprefix("http://")
    assert "host" in seen.headers["authorization"]
    assert heard["ResponseMetadata"]["RequestId"] == "r-1"
    assert json.loads(seen.body)["Key"] == {"pk": {"S": "a-merchant"}}


def test_the_record_names_calls_and_shows_no_body(bench: Bench) -> None:
    for service in SERVICES:
        bench.ask(service)

    calls = bench.proxy.calls("a-merchant")
    assert [each["service"] for each in calls] == list(SERVICES)
    assert [each["operation"] for each in calls] == ["GetItem", "GetSecretValue", "SendMessageBatch"]
    assert all((each["fault"], each["forwarded"], each["status"]) == (None, True, 200) for each in calls)
    assert "a-merchant" not in str(calls)
    bench.ask("dynamodb")
    repeated = bench.proxy.calls("a-merchant")[-1]["digest"]
    assert [each["digest"] == repeated for each in calls] == [True, False, False]
    assert bench.proxy.calls("another") == []
    bench.proxy.clear_calls()
    assert bench.proxy.calls() == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("kind", "done"), [(kind, kind in ("late", "unheard", "cut", "slow")) for kind in KINDS])
def test_the_caller_sees_a_failure_and_aws_has_done_it_or_not(
    bench: Bench, service: str, kind: str, done: bool
) -> None:
    bench.proxy.fault(kind, service=service, seconds=2 * SDK_WAITS)

    with pytest.raises((ClientError, BotoCoreError)) as failure:
        bench.ask(service)

    if kind in ("throttled", "failed"):
        assert isinstance(failure.value, ClientError)
        assert ("Thro" in failure.value.response["Error"]["Code"]) is (kind == "throttled")
    bench.ask(service)
    bench.await_calls(1 + done)
    assert [each["fault"] for each in bench.proxy.calls()] == [kind, None]


@pytest.mark.parametrize(
    ("kind", "status", "told", "done"),
    [
        ("html", 200, b"<html>", False),
        ("gzip", 200, gzip.compress(b"")[:3], True),
        ("too_large", 413, b"<html>", False),
        ("expired", 400, b"#ExpiredTokenException", False),
        ("skewed", 400, b"#InvalidSignatureException", False),
    ],
)
def test_a_read_is_answered_wrongly(bench: Bench, kind: str, status: int, told: bytes, done: bool) -> None:
    signed = {"authorization": "Credential=a/20261129/us-east-1/dynamodb/aws4_request", "x-amz-target": "D.GetItem"}
    bench.proxy.fault(kind, operation="GetItem")

    with requests.post(bench.url, b"{}", headers=signed, stream=True, timeout=10) as response:
        assert (response.status_code, told in response.raw.read()) == (status, True)

    assert [(each["fault"], each["forwarded"]) for each in bench.proxy.calls()] == [(kind, done)]


def test_each_kind_for_reads_is_one_that_no_write_gets() -> None:
    assert not set(READ_KINDS) & set(KINDS)


def test_a_call_that_is_held_is_done_when_the_fault_is_lifted_though_nobody_waits(bench: Bench) -> None:
    bench.proxy.fault("held", contains="a-merchant")
    with pytest.raises(BotoCoreError):
        bench.ask()
    assert bench.succeeds()
    assert len(bench.aws.seen) == 1

    bench.proxy.clear_faults("a-merchant")

    bench.await_calls(2)
    assert [(each["fault"], each["status"]) for each in bench.proxy.calls()] == [("held", 200), (None, 200)]


def test_which_calls_get_a_fault(bench: Bench) -> None:
    bench.proxy.fault("failed", operation="GetItem", contains="a-merchant", skip=1, times=2)
    bench.proxy.fault("reset", contains="another")

    assert [bench.succeeds() for _ in range(5)] == [True, False, False, True, True]


def test_from_a_call_onwards_every_call_fails_until_the_fault_is_lifted(bench: Bench) -> None:
    bench.proxy.fault("failed", operation="GetItem", contains="a-merchant", onwards=True, times=9)

    assert bench.succeeds("secretsmanager")
    assert not bench.succeeds()
    assert not bench.succeeds("secretsmanager")
    bench.proxy.clear_faults("another")
    assert not bench.succeeds()
    bench.proxy.clear_faults("a-merchant")
    assert bench.succeeds()


def test_a_share_of_the_calls_fails_and_one_call_no_more_often_than_requested(bench: Bench) -> None:
    bench.proxy.fault("failed", share=0.5, seed=1, times=1000, each=3)

    outcomes = [bench.succeeds() for _ in range(30)]

    assert outcomes.count(False) == 3
    assert outcomes[:3] != [False, False, False], "half of them, not the first three"


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("POST", "/faults", {"kind": "odd"}, "kind must be one of"),
        ("POST", "/faults", {"kind": "cut", "often": 3}, "knows no field often"),
        ("PUT", "/upstream", {"url": "http://example.com:80"}, "must be http on 127.0.0.1"),
        ("GET", "/nowhere", None, "No such address"),
    ],
)
def test_what_makes_no_sense_is_refused(bench: Bench, method: str, path: str, body: object, sentence: str) -> None:
    with pytest.raises(ControlError, match=sentence):
        bench.proxy.call(method, path, body)
