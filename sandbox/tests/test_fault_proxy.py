"""The fault proxy in front of a server that stands for AWS, asked by the functions' own SDK session."""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.config import Config

from sandbox.fault_proxy import KINDS, FaultProxyClient
from sandbox.fault_proxy.server import running_fault_proxy
from tests.contract.scripted_server import ScriptedServer, always, answer, serving
from token_broker.aws import session
from token_broker.aws.session import BotoCoreError, ClientError, error_code

SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "a-merchant"}}}),
    "secretsmanager": ("get_secret_value", {"SecretId": "a-merchant"}),
    "sqs": ("send_message_batch", {"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "a-merchant"}]}),
}
#: Seconds; less than what the proxy waits where a test wants it to be late.
SDK_WAITS = 0.2


@dataclass
class Bench:
    """`aws.seen` is what came through; `ask` asks once, without repetitions."""

    aws: ScriptedServer
    proxy: FaultProxyClient
    url: str
    clients: dict[str, Any] = field(default_factory=dict)

    def ask(self, service: str = "dynamodb") -> Any:
        if service not in self.clients:
            self.clients[service] = session._session().create_client(
                service,
                endpoint_url=self.url,
                region_name="us-east-1",
                config=Config(read_timeout=SDK_WAITS, retries={"total_max_attempts": 1}, parameter_validation=False),
            )
        operation, arguments = SERVICES[service]
        return getattr(self.clients[service], operation)(**arguments)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    said = answer(b'{"Answer": "42"}', headers={"X-Amzn-RequestId": "r-1"})
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
    assert [(each["service"], each["operation"]) for each in calls] == [
        ("dynamodb", "GetItem"),
        ("secretsmanager", "GetSecretValue"),
        ("sqs", "SendMessageBatch"),
    ]
    assert all((each["fault"], each["forwarded"], each["status"]) == (None, True, 200) for each in calls)
    assert "a-merchant" not in str(calls)
    bench.ask("dynamodb")
    assert [each["digest"] for each in calls].index(bench.proxy.calls("a-merchant")[-1]["digest"]) == 0
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

    if kind == "throttled":
        assert "Thro" in error_code(failure.value)
    if kind == "failed":
        assert isinstance(failure.value, ClientError)
        assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    bench.ask(service)
    _wait_for(bench, 1 + done)
    assert [each["fault"] for each in bench.proxy.calls()] == [kind, None]


def test_a_call_that_is_held_is_done_when_the_fault_is_lifted_though_nobody_waits(bench: Bench) -> None:
    bench.proxy.fault("held", contains="a-merchant")
    with pytest.raises(BotoCoreError):
        bench.ask()
    assert _went_well(bench)
    assert len(bench.aws.seen) == 1

    bench.proxy.clear_faults("a-merchant")

    _wait_for(bench, 2)
    assert [(each["fault"], each["status"]) for each in bench.proxy.calls()] == [("held", 200), (None, 200)]


def test_which_calls_get_a_fault(bench: Bench) -> None:
    bench.proxy.fault("failed", operation="GetItem", contains="a-merchant", skip=1, times=2)
    bench.proxy.fault("reset", contains="another")

    outcomes = [_went_well(bench) for _ in range(5)]

    assert outcomes == [True, False, False, True, True]


def test_from_a_call_onwards_every_call_fails_until_the_fault_is_lifted(bench: Bench) -> None:
    bench.proxy.fault("failed", operation="GetItem", contains="a-merchant", onwards=True, times=9)

    assert _went_well(bench, "secretsmanager")
    assert not _went_well(bench)
    assert not _went_well(bench, "secretsmanager")
    bench.proxy.clear_faults("another")
    assert not _went_well(bench)
    bench.proxy.clear_faults("a-merchant")
    assert _went_well(bench)


def test_a_share_of_the_calls_fails_and_one_call_no_more_often_than_requested(bench: Bench) -> None:
    bench.proxy.fault("failed", share=0.5, seed=1, times=1000, each=3)

    outcomes = [_went_well(bench) for _ in range(30)]

    assert outcomes.count(False) == 3
    assert outcomes[:3] != [False, False, False], "half of them, not the first three"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"kind": "odd"}, 400),
        ("POST", "/faults", {"kind": "cut", "often": 3}, 400),
        ("PUT", "/upstream", {"url": "http://example.com:80"}, 400),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused(bench: Bench, method: str, path: str, body: object, status: int) -> None:
    connection = http.client.HTTPConnection(bench.proxy._host, timeout=5)
    connection.request(method, path, json.dumps(body))

    assert connection.getresponse().status == status
    connection.close()


def _went_well(bench: Bench, service: str = "dynamodb") -> bool:
    try:
        bench.ask(service)
    except (ClientError, BotoCoreError):
        return False
    return True


def _wait_for(bench: Bench, calls: int) -> None:
    """Until so many calls have come to AWS, and it has answered them."""

    def answered() -> int:
        return [each["status"] for each in bench.proxy.calls()].count(200)

    deadline = time.monotonic() + 10
    while answered() < calls and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (len(bench.aws.seen), answered()) == (calls, calls)
