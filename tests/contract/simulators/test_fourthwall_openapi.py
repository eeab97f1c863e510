"""Fourthwall's own OpenAPI document, as Prism reads it, holds our simulator's answers and our client's requests.

Prism as a proxy passes on what keeps the document and makes an error of its own of what breaks it; as a mock it answers
by the document, and refuses a request that breaks it.
"""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges.playing import Reply, send
from tests.fakes.clock import MovableClock
from tests.reference.prism import prism_mock, prism_proxy
from token_broker.clock import Deadline
from token_broker.domain.token import ProviderToken
from token_broker.errors import ProviderRejectedCredentials
from token_broker.http.client import HttpClient
from token_broker.http.transport import RequestsTransport
from token_broker.ports.provider import MintRequest
from token_broker.providers.fourthwall.client import Fourthwall

DOCUMENT = Path(__file__).parent / "openapi/fourthwall.yaml"
PATH = "/open-api/v1.0/public-token"
BASIC = {"Authorization": f"Basic {base64.b64encode(b'demo-user:demo-password').decode()}"}
BEARER = {"Authorization": "Bearer demo-access-token"}
SECRETS: Mapping[str, Mapping[str, str]] = {
    "an API key": {"username": "demo-user", "password": "demo-password"},
    "an access token": {"accessToken": "demo-access-token"},
}
PRISM = "https://stoplight.io/prism/errors#"


@pytest.fixture(scope="module")
def proxy(simulators: Addresses) -> Iterator[str]:
    """Prism in front of the simulator."""
    with prism_proxy(DOCUMENT, simulators["fourthwall"]) as address:
        yield address


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """Prism in Fourthwall's place."""
    with prism_mock(DOCUMENT) as address:
        yield address


@pytest.fixture
def shop(control: ControlClient) -> ControlClient:
    control.put_account("fourthwall", "basic", username="demo-user", password="demo-password")
    control.put_account("fourthwall", "oauth", accessToken="demo-access-token")
    return control


def put(origin: str, headers: Mapping[str, str], method: str = "PUT", path: str = PATH) -> Reply:
    return send(origin, method, path, headers=headers, body=None, timeout=10)


def mint(origin: str, secret: Mapping[str, str]) -> ProviderToken:
    """Our client's call."""
    clock = MovableClock()
    provider = Fourthwall(HttpClient(clock, RequestsTransport(), jitter=lambda: 0.0), origin)
    return provider.mint(provider.account("demo", secret), MintRequest(), Deadline.after(clock, 10))


def kind(reply: Reply) -> str:
    """Which of its own errors Prism answers with."""
    return str(reply.json()["type"]).removeprefix(PRISM)


@pytest.mark.parametrize("headers", [BASIC, BEARER], ids=["Basic", "Bearer"])
def test_the_simulators_answer_keeps_the_document(proxy: str, shop: ControlClient, headers: dict[str, str]) -> None:
    first, again = put(proxy, headers), put(proxy, headers)

    assert first.status == again.status == 200
    assert first.json() == again.json()
    assert [each["status"] for each in shop.requests("fourthwall")] == [200, 200]


@pytest.mark.parametrize("patch", [{"token": 7}, {"token": None}], ids=["no text", "missing"])
def test_an_answer_that_breaks_the_document_would_be_seen(proxy: str, shop: ControlClient, patch: Any) -> None:
    shop.fault("fourthwall", "answer_override", patch=patch)

    reply = put(proxy, BASIC)

    assert kind(reply) == "VIOLATIONS"


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_our_client_keeps_the_document(proxy: str, mock: str, shop: ControlClient, secret: Mapping[str, str]) -> None:
    assert mint(mock, secret).access_token
    assert mint(proxy, secret).access_token.startswith("ptkn_")


@pytest.mark.parametrize(
    ("method", "path", "headers", "refusal"),
    [
        ("POST", PATH, BASIC, "NO_METHOD_MATCHED_ERROR"),
        ("PUT", f"{PATH}s", BASIC, "NO_PATH_MATCHED_ERROR"),
        ("PUT", PATH, {}, "UNAUTHORIZED"),
        ("PUT", PATH, {"Authorization": "Digest x"}, "UNAUTHORIZED"),
    ],
    ids=["method", "path", "no credentials", "other credentials"],
)
def test_a_request_that_breaks_the_document_would_be_seen(
    proxy: str, mock: str, shop: ControlClient, method: str, path: str, headers: dict[str, str], refusal: str
) -> None:
    assert kind(put(mock, headers, method, path)) == refusal
    assert kind(put(proxy, headers, method, path)) == refusal
    assert shop.requests("fourthwall") == []


def test_a_refusal_which_the_document_leaves_open_reaches_our_client(proxy: str, shop: ControlClient) -> None:
    with pytest.raises(ProviderRejectedCredentials) as refused:
        mint(proxy, {"accessToken": "another"})

    assert refused.value.reply is not None
    assert refused.value.reply.code == "UNAUTHORIZED"  # the simulator's, not Prism's
