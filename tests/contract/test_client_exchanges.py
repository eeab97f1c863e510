"""Every exchange of the contract pages, played against our own provider clients over real HTTP.

A server on loopback gives the recorded answer; what our client sent must be the recorded request, and what it makes
of the answer the recorded outcome.
"""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.exchanges import Exchange, load_exchanges
from tests.contract.scripted_server import Seen, answer, serving
from tests.fakes.clock import NOW, MovableClock
from tests.fakes.telemetry import RecordingTelemetry
from tests.providers import Fields, providers
from token_broker import __version__, wiring
from token_broker.clock import Deadline
from token_broker.domain.token import ProviderToken
from token_broker.errors import BrokerError, ProviderFailure
from token_broker.http.client import HttpClient
from token_broker.http.transport import RequestsTransport
from token_broker.ports.provider import Account, MintRequest

#: Requests that no client of ours sends. Their answers are read all the same.
NOT_SENT_BY_US = {exchange_id for each in providers().values() for exchange_id in each.not_sent}
#: What the HTTP library adds by itself; nothing of it depends on the merchant.
OWN_HEADERS = {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"}
EXCHANGES = load_exchanges()
PLAYED = [each for each in EXCHANGES if each.client is not None]

pytestmark = pytest.mark.usefixtures("certificates_read_once")


class Player:
    """One exchange's client, pointed at a server; `run` gives the outcome's name and its fields."""

    def __init__(self, exchange: Exchange, origin: str) -> None:
        assert exchange.client is not None
        self.exchange = exchange
        self.client = exchange.client
        clock = MovableClock(float(self.client.get("now", NOW)))
        self.deadline = Deadline.after(clock, 5)
        self.http = HttpClient(clock, RequestsTransport(), jitter=lambda: 0.0)
        self.base_url = origin
        settings = providers()[exchange.provider].settings(exchange)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {f"{exchange.provider.upper()}_BASE_URL": origin, **settings}.items():
                patch.setenv(name, value)
            self.provider: Any = wiring.provider_client(exchange.provider, self.http, RecordingTelemetry())

    def run(self) -> tuple[str, Fields]:
        """Play the exchange. A provider's own operation gets what a client is made of."""
        operations = {"list_storefront_access_tokens": self._list, "delete_storefront_access_token": self._delete}
        own = providers()[self.exchange.provider].operations.get(self.exchange.operation)
        try:
            account = self.provider.account("demo", self.client["secret"])
            if own is not None:
                return own(self.http, self.base_url, account, self.deadline)
            return operations.get(self.exchange.operation, self._mint)(account)
        except BrokerError as failure:
            return failure.code, failure_fields(failure)

    def _mint(self, account: Account) -> tuple[str, Fields]:
        call = self.client["call"]
        scope = tuple(call["scope"]) if "scope" in call else None
        order = MintRequest(title=call.get("title"), session_id=call.get("sessionId"), scope=scope)
        return "token", token_fields(self.provider.mint(account, order, self.deadline))

    def _list(self, account: Account) -> tuple[str, Fields]:
        listed = self.provider.list_tokens(account, self.deadline)
        return "tokens", {"tokens": [token_fields(each.token) for each in listed]}

    def _delete(self, account: Account) -> tuple[str, Fields]:
        self.provider.revoke(account, self.client["call"]["tokenId"], self.deadline)
        return "deleted", {}


def token_fields(minted: ProviderToken) -> Fields:
    return {
        "tokenId": minted.token_id,
        "accessToken": minted.access_token,
        "tokenType": minted.token_type,
        "scope": list(minted.scope),
        "expiresAt": minted.expires_at,
        "title": minted.title,
        "providerData": dict(minted.provider_data),
    }


def failure_fields(failure: BrokerError) -> Fields:
    assert isinstance(failure, ProviderFailure)
    said = failure.reply
    assert said is not None
    return {
        "providerStatus": said.status,
        "providerCode": said.code,
        "providerMessage": said.message,
        "retryAfter": failure.retry_after,
    }


def play(exchange: Exchange) -> tuple[str, Fields, list[Seen]]:
    """Play an exchange, with an empty list for the check that follows a delete.

    Each test plays anew: mutation testing runs only the tests that reach a function.
    """
    status, headers, body = exchange.example_response()

    def script(seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(
            answer(json.dumps(NOTHING_LISTED).encode())
            if looks_up(exchange, seen)
            else answer(body, status=status, headers=headers)
        )
        return True

    with serving(script) as server:
        outcome, fields = Player(exchange, server.origin).run()
    return outcome, fields, [seen for seen in server.seen if not looks_up(exchange, seen)]


def looks_up(exchange: Exchange, seen: Seen) -> bool:
    """Return whether the request lists the tokens after a delete."""
    listing = seen.method == "GET" or b"storefrontAccessTokens(" in seen.body
    return listing and exchange.operation == "delete_storefront_access_token"


#: An empty list over each transport, in one answer.
NOTHING_LISTED = {
    "storefront_access_tokens": [],
    "data": {
        "shop": {"storefrontAccessTokens": {"nodes": [], "pageInfo": {"hasNextPage": False}}},
        "currentAppInstallation": {"accessScopes": [{"handle": "unauthenticated_read_product_listings"}]},
    },
}


def check_fields(expected: Fields, actual: Fields) -> None:
    """Check the recorded fields and ignore all others, as well as a purchased token's lifetime."""
    for name, value in expected.items():
        if name == "tokens":
            assert len(actual["tokens"]) == len(value)
            for one, other in zip(value, actual["tokens"], strict=True):
                check_fields(one, other)
        elif name != "expiresIn":
            assert actual[name] == value, name


@pytest.mark.parametrize("exchange", PLAYED, ids=lambda exchange: exchange.id)
def test_the_outcome_is_the_recorded_one(exchange: Exchange) -> None:
    assert exchange.client is not None
    outcome, fields, requests = play(exchange)

    assert outcome == exchange.client["outcome"]
    check_fields(exchange.client["fields"], fields)
    for seen in requests:
        assert seen.headers["user-agent"].startswith(f"token-broker/{__version__} ")
        assert seen.headers["accept"] == "application/json"
        assert "cookie" not in seen.headers
    if exchange.operation in ("create_public_access_token", "create_storefront_access_token"):
        assert len(requests) == 1


@pytest.mark.parametrize(
    "exchange", [each for each in PLAYED if each.id not in NOT_SENT_BY_US], ids=lambda exchange: exchange.id
)
def test_the_request_is_exactly_the_recorded_one(exchange: Exchange) -> None:
    _, _, requests = play(exchange)

    assert requests
    for seen in requests:  # a repeated one too
        assert seen.method == exchange.request["method"]
        assert urlsplit(seen.target).path == exchange.request["path"]
        assert seen.target == exchange.request["path"]  # no query
        recorded = {name.lower(): value for name, value in exchange.request["headers"].items()}
        sent = {name: value for name, value in seen.headers.items() if name not in OWN_HEADERS}
        sent |= {name: value for name, value in seen.headers.items() if name in recorded}
        if seen.body == b"":
            sent.pop("content-length", None)
        assert sent == recorded
        check_body(exchange, seen)


def check_body(exchange: Exchange, seen: Seen) -> None:
    wanted = exchange.request_body()
    if wanted is None:
        assert seen.body == b""
    elif "body" in exchange.request:
        assert json.loads(seen.body) == json.loads(wanted)
    else:
        assert seen.body == wanted


@pytest.mark.parametrize(
    "exchange", [each for each in EXCHANGES if each.client is None], ids=lambda exchange: exchange.id
)
def test_an_exchange_with_an_open_outcome_is_a_failure_at_least(exchange: Exchange) -> None:
    account = exchange.given["account"]["fields"]
    secret = {name: account.get(name) for name in providers()[exchange.provider].secret}
    replayed = Exchange(**{**vars(exchange), "client": {"secret": secret, "call": {}}})

    outcome, fields, _ = play(replayed)

    assert outcome in ("provider_error", "provider_rejected_credentials", "shop_unavailable")
    assert fields["providerStatus"] == exchange.response["status"]


def test_every_provider_has_exchanges_and_what_we_do_not_send_is_among_them() -> None:
    assert {each.provider for each in EXCHANGES} == set(providers())
    assert {each.id for each in EXCHANGES} >= NOT_SENT_BY_US
