"""How the parts are put together: late, and from what the template says."""

from typing import Any, NoReturn

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import ScriptedTransport, answer
from token_broker.broker import Broker, ListingBroker
from token_broker.clock import Deadline
from token_broker.errors import ProviderNotConfigured
from token_broker.http import transport
from token_broker.http.client import Request
from token_broker.ports.provider import Provider
from token_broker.providers.chicksx.client import Chicksx
from token_broker.providers.fourthwall.client import Fourthwall
from token_broker.providers.shopify.client import Shopify
from token_broker.wiring import container
from token_broker.wiring.providers import CHICKSX, FOURTHWALL, SHOPIFY, LazyTransport, ProviderContainer


def _no_client(service: str) -> NoReturn:
    raise AssertionError(f"a client for {service} was made")


@pytest.fixture(autouse=True)
def _template(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "TOKEN_TABLE": "tokens",
        "SECRET_PREFIX": "token-broker",
        "FOURTHWALL_BASE_URL": "https://api.fourthwall.com",
        "CHICKSX_BASE_URL": "https://develop-api.chicksx.com/v1",
        "SHOPIFY_BASE_URL": "https://{shop}",
        "SHOPIFY_API_VERSION": "2026-10",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(container, "client", _no_client)
    # Powertools keeps one set of dimensions a process, and a process has one provider.
    monkeypatch.setattr(container, "PowertoolsTelemetry", lambda _provider: RecordingTelemetry())


def deadline() -> Deadline:
    return Deadline.after(MovableClock(), 20)


def again(assembly: ProviderContainer[Any, Any]) -> ProviderContainer[Any, Any]:
    """Return the same line of the registry in a new process."""
    return ProviderContainer(assembly.name, assembly.build, assembly.serve)


@pytest.mark.parametrize(
    ("registered", "name", "client", "served"),
    [
        (FOURTHWALL, "fourthwall", Fourthwall, Broker),
        (CHICKSX, "chicksx", Chicksx, Broker),
        (SHOPIFY, "shopify", Shopify, ListingBroker),
    ],
)
def test_each_provider_is_one_line_of_the_registry(
    registered: ProviderContainer[Any, Any], name: str, client: type, served: type
) -> None:
    broker: Any = again(registered).broker("caller", deadline())

    provider = broker._call.provider
    assert (type(broker), type(provider), provider.name) == (served, client, name)


def test_nothing_of_aws_is_made_before_it_is_needed() -> None:
    """`client` fails this test if it is called; a token from memory needs none."""
    assembly = again(SHOPIFY)

    assembly.broker("caller", deadline())
    assembly.broker("caller", deadline())


def test_one_process_keeps_its_parts_and_each_call_has_its_caller() -> None:
    assembly = again(SHOPIFY)

    first, second = assembly.broker("one", deadline())._call, assembly.broker("two", deadline())._call

    assert (first.caller, second.caller) == ("one", "two")
    for part in ("provider", "secrets", "store", "cache", "clock", "telemetry"):
        assert getattr(first, part) is getattr(second, part)


def test_the_margin_comes_from_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_MARGIN_SECONDS", "90")

    assert again(CHICKSX).broker("caller", deadline())._call.min_remaining_seconds == 90


def test_the_retention_of_sessions_comes_from_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_RETENTION_DAYS", "7")

    assert again(CHICKSX)._store._items.session_retention == 7 * 24 * 60 * 60


def test_a_provider_without_an_address_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHICKSX_BASE_URL", "")
    assembly = again(CHICKSX)

    broker = assembly.broker("caller", deadline())

    with pytest.raises(ProviderNotConfigured):
        _ = broker._call.provider


def test_nothing_of_a_provider_is_made_before_it_is_asked_for() -> None:
    """A session is closed though its provider has no address, and without loading the provider's client."""

    def build(_http: object, _telemetry: object) -> NoReturn:
        raise AssertionError("the provider's client was made")

    ProviderContainer("chicksx", build, Broker[Provider]).broker("caller", deadline())


def test_requests_is_set_up_by_the_first_exchange_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ScriptedTransport] = []

    def make() -> ScriptedTransport:
        made.append(ScriptedTransport(answer(200), answer(204)))
        return made[-1]

    monkeypatch.setattr(transport, "RequestsTransport", make)
    lazy = LazyTransport()
    assert made == []

    request = Request("GET", "https://provider.example")
    statuses = [
        lazy.send(request, connect_timeout=1, read_timeout=2, body_limit=3).status,
        lazy.send(request, connect_timeout=1, read_timeout=2, body_limit=3).status,
    ]

    assert (statuses, len(made)) == ([200, 204], 1)
    sent = made[0].sent[0]
    assert (sent.request, sent.connect_timeout, sent.read_timeout, sent.body_limit) == (request, 1, 2, 3)
