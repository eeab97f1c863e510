"""What a process makes while Lambda initializes it, and what it leaves to the first invocation."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from tests.fakes.telemetry import RecordingTelemetry
from token_broker import wiring
from token_broker.aws.fast_reads import reads
from token_broker.aws.store.attributes import wrap_all
from token_broker.clock import Clock, SystemClock
from token_broker.errors import InternalError
from token_broker.http import transport
from token_broker.wiring import PROVIDER_CALLS, SECRETS, WRITES, Container

VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop-token",
    "FAST_READS": "true",
    "TOKEN_TABLE": "tokens",
    "SECRET_PREFIX": "token-broker",
    "EVENT_BUS": "bus",
}
ITEM = {"pk": "p", "sk": "s"}


class Process:
    """What was made, in its order. It stands for AWS, for the fast read and for what sends requests to providers."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.report: Callable[[str], None] = print
        self.send = None

    def client(self, service: str) -> Any:
        self.made.append(service)
        return self

    def fast_reads(self, report: Callable[[str], None], clock: Clock) -> Any:
        assert isinstance(clock, SystemClock)  # the one that counts frozen time
        self.report = report
        return self

    def transport(self) -> Any:
        self.made.append("transport")
        return self

    def connect(self) -> None:
        self.made.append("connection")

    def read(self, operation: str, _arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.made.append(f"fast {operation}")
        return {"Item": wrap_all(ITEM)}

    def get_item(self, **_: Any) -> Mapping[str, Any]:
        self.made.append("botocore GetItem")
        return {"Item": wrap_all(ITEM)}


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    made = Process()
    monkeypatch.setattr(wiring, "client", made.client)
    monkeypatch.setattr(reads, "fast_reads", made.fast_reads)
    monkeypatch.setattr(transport, "RequestsTransport", made.transport)
    monkeypatch.setattr(wiring, "PowertoolsTelemetry", lambda _name: RecordingTelemetry())
    return made


@pytest.mark.parametrize(
    ("maker", "made"),
    [
        *((maker, ["connection"]) for maker in (wiring.fourthwall, wiring.chicksx, wiring.shopify)),
        *((maker, ["connection"]) for maker in (wiring.admission, wiring.trust_policies, wiring.preview_origins)),
        (lambda: wiring.shopify(WRITES), ["dynamodb", "connection"]),
        (lambda: wiring.trust_policies(WRITES), ["dynamodb", "connection"]),
        (lambda: wiring.preview_origins(WRITES), ["dynamodb", "connection"]),
        (lambda: wiring.fourthwall(PROVIDER_CALLS), ["dynamodb", "secretsmanager", "transport", "connection"]),
        (lambda: wiring.admission(SECRETS), ["secretsmanager", "connection"]),
        (wiring.worker, ["dynamodb", "secretsmanager", "connection"]),
        (wiring.dispatcher, ["dynamodb", "connection"]),
        (wiring.publisher, ["dynamodb", "events", "connection"]),
    ],
)
def test_a_process_makes_what_each_invocation_needs(
    process: Process, maker: Callable[[], Container[Any]], made: list[str]
) -> None:
    """A function that writes needs botocore, too."""
    container = maker()

    assert process.made == made
    assert {"telemetry", "service"} <= set(vars(container))


def test_a_function_that_calls_its_provider_loads_the_providers_client(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(name: str) -> ModuleType:
        loaded.append(name)
        return import_module(name)

    monkeypatch.setattr(wiring, "import_module", load)

    wiring.chicksx(PROVIDER_CALLS)

    assert "token_broker.providers.chicksx.client" in loaded


def test_outside_lambda_nothing_is_made(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")

    containers = [wiring.shopify(), wiring.shopify(PROVIDER_CALLS), wiring.admission()]

    assert process.made == []
    assert not any({"telemetry", "service"} & set(vars(each)) for each in containers)


def test_the_table_is_read_without_botocore(process: Process) -> None:
    assert wiring.shopify().table.get(("p", "s")) == ITEM
    assert process.made == ["connection", "fast GetItem"]


@pytest.mark.parametrize("value", ["false", "", None])
def test_without_fast_reads_no_connection_is_opened_and_botocore_reads(
    process: Process, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("FAST_READS")
    if value is not None:
        monkeypatch.setenv("FAST_READS", value)

    container = wiring.shopify()
    assert process.made == []

    assert container.table.get(("p", "s")) == ITEM
    assert process.made == ["dynamodb", "botocore GetItem"]


def test_where_the_environment_needs_botocore_it_reads(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "fast_reads", lambda _report, _clock: None)

    assert wiring.shopify().table.get(("p", "s")) == ITEM
    assert process.made == ["dynamodb", "botocore GetItem"]


def test_a_setting_that_is_missing_is_reported_by_the_first_invocation(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN_TABLE")
    container = wiring.shopify()

    with pytest.raises(InternalError, match="not configured"):
        _ = container.service


@pytest.mark.parametrize("needs", [(), WRITES, PROVIDER_CALLS])
def test_what_fails_while_the_process_starts_is_made_again_by_the_first_invocation(
    process: Process, monkeypatch: pytest.MonkeyPatch, needs: tuple[str, ...]
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(wiring, "client", fail)
        patch.setattr(process, "connect", fail)
        patch.setattr(wiring, "settings", None)
        container = wiring.shopify(needs)
        assert "service" not in vars(container)

    assert container.service is not None
    assert container.table.get(("p", "s")) == ITEM
    assert process.made == ["fast GetItem"]


def test_a_failed_fast_read_is_logged_with_its_reason_alone(process: Process) -> None:
    container = wiring.shopify()

    process.report("cut_off")

    assert vars(container.telemetry)["notices"] == [("fast_read_failed", {"reason": "cut_off"})]
