"""How the parts are put together: late, and from what the template says."""

import json
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import ScriptedTransport, Sent, answer
from tests.fakes.trust_policies import oidc, policy, sessions
from token_broker import wiring
from token_broker.aws.store.token_store import DynamoStore
from token_broker.clock import Deadline
from token_broker.domain.fields import Precondition
from token_broker.entrypoints.handler import Request
from token_broker.errors import Forbidden, InternalError, InvalidRequest, ProviderNotConfigured, ShopUnavailable
from token_broker.http import transport
from token_broker.http.client import Request as HttpRequest
from token_broker.lifecycle.dispatcher import Dispatcher
from token_broker.lifecycle.publisher import Publisher
from token_broker.providers.chicksx.client import Chicksx
from token_broker.providers.fourthwall.client import Fourthwall
from token_broker.providers.shopify.client import Shopify
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker.tokens.call import Call
from token_broker.wiring import Container, LazyTransport

LOOPBACK = "http://127.0.0.1:8123"
VARIABLES = {
    "TOKEN_TABLE": "tokens",
    "SECRET_PREFIX": "token-broker",
    "EVENT_BUS": "bus",
    "FOURTHWALL_BASE_URL": "https://api.fourthwall.com",
    "CHICKSX_BASE_URL": "https://develop-api.chicksx.com/v1",
    "SHOPIFY_BASE_URL": "https://{shop}",
}


@pytest.fixture(autouse=True)
def _template(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LOOPBACK_JWKS_ORIGIN", raising=False)
    monkeypatch.setattr(wiring, "client", lambda service: pytest.fail(f"a client for {service} was made"))
    # Powertools keeps one set of dimensions a process, and a process has one provider.
    monkeypatch.setattr(wiring, "PowertoolsTelemetry", lambda _name: RecordingTelemetry())


def request(caller: str = "caller") -> Request:
    return Request(caller, Deadline.after(MovableClock(), 20))


@pytest.mark.parametrize(
    ("maker", "service"),
    [
        *((maker, Call) for maker in (wiring.fourthwall, wiring.chicksx, wiring.shopify)),
        (wiring.dispatcher, Dispatcher),
        (wiring.publisher, Publisher),
        (wiring.trust_policies, TrustPolicies),
        (wiring.preview_origins, PreviewOrigins),
    ],
)
def test_nothing_of_aws_is_made_before_it_is_needed(maker: Callable[[], Container[Any]], service: type) -> None:
    """`client` fails this test if it is called; a token from memory needs none."""
    container = maker()

    assert type(container.service(request())) is type(container.service(request())) is service


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("TOKEN_TABLE", lambda: wiring.shopify().service(request())),
        ("SECRET_PREFIX", lambda: wiring.shopify().service(request())),
        ("EVENT_BUS", lambda: wiring.publisher().service(request())),
        ("TOKEN_TABLE", lambda: wiring.admission().service),
        ("SECRET_PREFIX", lambda: wiring.proof_keys(wiring.admission())),
    ],
)
def test_a_function_that_was_not_configured_tells_so_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch, name: str, call: Callable[[], object]
) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(InternalError, match="not configured"):
        call()


# Providers


@pytest.mark.parametrize(
    ("maker", "client"), [(wiring.fourthwall, Fourthwall), (wiring.chicksx, Chicksx), (wiring.shopify, Shopify)]
)
def test_each_provider_is_one_line_of_the_registry(maker: Callable[[], Container[Any]], client: type) -> None:
    container = maker()

    provider = container.service(request()).provider
    assert (type(provider), provider.name) == (client, container.name)


@pytest.mark.parametrize(("named", "client"), [(None, Shopify), ("shopify", Shopify), ("fourthwall", Fourthwall)])
def test_the_worker_works_for_the_provider_that_a_message_names(named: str | None, client: type) -> None:
    """A message of an earlier version names none. Logs and metrics are about the provider."""
    container = wiring.worker()

    call = container.service(request("queue"))(named)

    assert (type(call.provider), call.caller) == (client, "queue")
    assert vars(container.telemetry)["provider"] == call.provider.name
    assert container.service(request())(named).store is call.store


def test_callers_mints_are_limited_and_the_workers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int | None] = []
    make = DynamoStore.__init__

    def note(self: DynamoStore, *arguments: Any, **named: Any) -> None:
        given.append(named["mints_per_minute"])
        make(self, *arguments, **named)

    monkeypatch.setattr(DynamoStore, "__init__", note)
    monkeypatch.delenv("MINTS_PER_MINUTE", raising=False)
    wiring.chicksx().service(request())
    monkeypatch.setenv("MINTS_PER_MINUTE", "7")
    wiring.shopify().service(request())
    wiring.worker().service(request("queue"))("shopify")

    assert given == [120, 7, None]


def test_the_worker_refuses_a_provider_without_pending_work() -> None:
    with pytest.raises(InvalidRequest, match="must be one of: fourthwall, shopify"):
        wiring.worker().service(request())("chicksx")


@pytest.mark.parametrize(
    ("chosen", "path"), [("", "2026-10/storefront_access_tokens.json"), ("graphql", "2026-10/graphql.json")]
)
def test_the_admin_api_comes_from_the_template(monkeypatch: pytest.MonkeyPatch, chosen: str, path: str) -> None:
    sent = ScriptedTransport(answer(402))
    monkeypatch.setenv("SHOPIFY_ADMIN_API", chosen)
    monkeypatch.setattr(transport, "RequestsTransport", lambda: sent)
    call = wiring.shopify().service(request())
    account = call.provider.account("acme", {"shop": "acme.myshopify.com", "adminAccessToken": "shpat_1"})

    with pytest.raises(ShopUnavailable):
        call.provider.list_tokens(account, call.deadline)

    assert sent.requests[0].url.partition("/admin/api/")[2] == path


def test_one_process_keeps_its_parts_and_each_call_has_its_caller() -> None:
    container = wiring.shopify()

    first, second = container.service(request("one")), container.service(request("two"))

    assert (first.caller, second.caller) == ("one", "two")
    for part in ("provider", "secrets", "store", "cache", "clock", "telemetry"):
        assert getattr(first, part) is getattr(second, part)


@pytest.mark.parametrize(("given", "margin"), [("", 60), ("90", 90), ("0.5", 0.5)])
def test_the_margin_comes_from_the_template(monkeypatch: pytest.MonkeyPatch, given: str, margin: float) -> None:
    monkeypatch.setenv("TOKEN_MARGIN_SECONDS", given)

    assert wiring.chicksx().service(request()).min_remaining_seconds == margin


def test_a_provider_is_made_when_it_is_needed_and_without_an_address_it_is_not_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session is closed though its provider has no address, and without loading the provider's client."""
    monkeypatch.setenv("CHICKSX_BASE_URL", "")
    call = wiring.chicksx().service(request())

    with pytest.raises(ProviderNotConfigured):
        _ = call.provider


def test_a_provider_is_loaded_without_its_client_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it can do is known without its address and its client."""
    loaded: list[str] = []

    def load(name: str) -> ModuleType:
        loaded.append(name)
        return import_module(name)

    monkeypatch.setattr(wiring, "import_module", load)

    assert wiring.chicksx().service(request()).capabilities.sessions

    assert loaded == ["token_broker.providers.chicksx"]


def test_requests_is_set_up_by_the_first_exchange_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ScriptedTransport] = []

    def make() -> ScriptedTransport:
        made.append(ScriptedTransport(answer(200), answer(204)))
        return made[-1]

    monkeypatch.setattr(transport, "RequestsTransport", make)
    lazy, sent = LazyTransport(), HttpRequest("GET", "https://provider.example")
    assert made == []

    said = [lazy.send(sent, connect_timeout=1, read_timeout=2, body_limit=3).status for _ in range(2)]

    assert (said, len(made)) == ([200, 204], 1)
    assert made[0].sent == [Sent(sent, connect_timeout=1, read_timeout=2, body_limit=3)] * 2


# Parts of AWS


class Aws:
    """A client of either service, which notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("get_item", arguments["Key"]))
        return {}

    def update_item(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("update_item", arguments["Key"]))
        return {}

    def get_secret_value(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("get_secret_value", arguments["SecretId"]))
        return {"SecretString": json.dumps({"keys": {}})}

    def transact_write_items(self, **arguments: Any) -> None:
        change = arguments["TransactItems"][0]["Update"]
        self.asked.append(("transact_write_items", change["ExpressionAttributeValues"]))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    monkeypatch.setattr(wiring, "client", lambda service: made)
    return made


def put(document: Any) -> tuple[int, bool]:
    return wiring.trust_policies().service(request()).put("acme", document, Precondition())


def test_the_retention_of_sessions_comes_from_the_template(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_RETENTION_DAYS", "7")

    wiring.chicksx().service(request()).store.sessions.close("acme", "session:s-1", None)

    ((_, values),) = aws.asked
    assert int(values[":until"]["N"]) - int(values[":now"]["N"]) == 7 * 24 * 60 * 60


def test_one_process_keeps_its_policies_in_one_memory(aws: Aws) -> None:
    authorizer = wiring.admission()

    for _ in range(3):
        with pytest.raises(Forbidden):
            authorizer.service.policy("acme")

    assert aws.asked == [("get_item", {"pk": {"S": "policy#acme"}, "sk": {"S": "policy"}})]


def test_proof_keys_are_named_like_a_providers_secret(aws: Aws) -> None:
    wiring.proof_keys(wiring.admission()).read("acme")

    assert aws.asked == [("get_secret_value", "token-broker/storefront-proof/acme")]


@pytest.mark.parametrize(("named", "taken"), [("", False), (LOOPBACK, True), ("http://127.0.0.1:9999", False)])
def test_the_one_loopback_issuer_is_the_one_that_the_template_names(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, named: str, *, taken: bool
) -> None:
    monkeypatch.setenv("LOOPBACK_JWKS_ORIGIN", named)
    document = policy(sessions=sessions(oidc(jwksUri=f"{LOOPBACK}/jwks.json")))

    if taken:
        assert put(document) == (1, True)
    else:
        with pytest.raises(InvalidRequest, match="jwksUri"):
            put(document)
