"""Fourthwall's own OpenAPI document, as Prism reads it, holds our simulator's answers and our client's requests.

Prism stands between the two. It passes on what keeps the document, and makes an error of its own of what breaks it.
"""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges.playing import Reply, send
from tests.fakes.clock import MovableClock
from tests.reference.prism import prism_proxy
from token_broker.clock import Deadline
from token_broker.domain.token import ProviderToken
from token_broker.errors import ProviderRejectedCredentials
from token_broker.http.client import HttpClient
from token_broker.http.transport import RequestsTransport
from token_broker.ports.provider import MintRequest
from token_broker.providers.fourthwall.client import Fourthwall

pytestmark = pytest.mark.audit

DOCUMENT = Path(__file__).parent / "openapi/fourthwall.yaml"
PATH = "/open-api/v1.0/public-token"
BASIC = {"Authorization": f"Basic {base64.b64encode(b'demo-user:demo-password').decode()}"}
PRISM = "https://stoplight.io/prism/errors#"


@pytest.fixture(scope="module")
def prism(simulators: Addresses) -> Iterator[str]:
    with prism_proxy(DOCUMENT, simulators["fourthwall"]) as address:
        yield address


@pytest.fixture(autouse=True)
def shop(control: ControlClient) -> ControlClient:
    control.put_account("fourthwall", "basic", username="demo-user", password="demo-password")
    control.put_account("fourthwall", "oauth", accessToken="demo-access-token")
    return control


def put(origin: str, headers: Mapping[str, str], method: str = "PUT", path: str = PATH) -> Reply:
    return send(origin, method, path, headers=headers, timeout=10)


def mint(origin: str, secret: Mapping[str, str]) -> ProviderToken:
    clock = MovableClock()
    provider = Fourthwall(HttpClient(clock, RequestsTransport(), jitter=lambda: 0.0), origin)
    return provider.mint(provider.account("demo", secret), MintRequest(), Deadline.after(clock, 10))


def kind(reply: Reply) -> str:
    """Which of its own errors Prism answers with."""
    return str(reply.json()["type"]).removeprefix(PRISM)


@pytest.mark.parametrize(
    "secret", [{"username": "demo-user", "password": "demo-password"}, {"accessToken": "demo-access-token"}]
)
def test_our_client_and_the_simulator_keep_the_document(
    prism: str, shop: ControlClient, secret: Mapping[str, str]
) -> None:
    assert mint(prism, secret).access_token.startswith("ptkn_")
    assert [each["status"] for each in shop.requests("fourthwall")] == [200]


def test_our_client_takes_a_token_of_any_form_as_the_document_does(prism: str, shop: ControlClient) -> None:
    shop.fault("fourthwall", "answer_override", patch={"token": "another-form"})

    assert mint(prism, {"accessToken": "demo-access-token"}).access_token == "another-form"


@pytest.mark.parametrize("patch", [{"token": 7}, {"token": None}], ids=["no text", "missing"])
def test_an_answer_that_breaks_the_document_would_be_seen(prism: str, shop: ControlClient, patch: Any) -> None:
    shop.fault("fourthwall", "answer_override", patch=patch)

    assert kind(put(prism, BASIC)) == "VIOLATIONS"


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
    prism: str, shop: ControlClient, method: str, path: str, headers: dict[str, str], refusal: str
) -> None:
    assert kind(put(prism, headers, method, path)) == refusal
    assert shop.requests("fourthwall") == []


def test_a_refusal_which_the_document_leaves_open_reaches_our_client(prism: str) -> None:
    with pytest.raises(ProviderRejectedCredentials) as refused:
        mint(prism, {"accessToken": "another"})

    assert refused.value.reply is not None
    assert refused.value.reply.code == "UNAUTHORIZED"  # the simulator's, not Prism's
