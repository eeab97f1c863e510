"""Whatever a provider answers, a client gives a checked token or raises one of our errors, within the time left.

Nothing that can be shown holds a credential or a token's value. Each run tries other answers. A failure prints a line
that repeats it (`@reproduce_failure`).
"""

import json
import math
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.shopify import ENTRY, NODE, created, page, top_level, user_errors
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import json_answer
from tests.fakes.undocumented_answers import Played, PlayingTransport, exchanges
from tests.lifecycle.bounds import LONG
from token_broker.clock import Deadline
from token_broker.domain.token import ProviderToken, fingerprint
from token_broker.errors import BrokerError, ProviderFailure, RequestOutcome
from token_broker.http.client import HttpClient
from token_broker.http.responses import TOKEN_LIMIT
from token_broker.ports.provider import Account, MintRequest
from token_broker.providers.chicksx.client import MAX_LIFETIME, Chicksx
from token_broker.providers.fourthwall.client import Fourthwall
from token_broker.providers.shopify.client import Shopify

#: No credential here has a shape by which it would be known for one.
PASSWORD, API_KEY, CLIENT_ID = "canary pass:w0rd/+", "canary-api-key", "canary-client-id"
ADMIN, CLIENT_SECRET, BOUGHT = "canary-admin-token", "canary-client-secret", "shpat_canary_bought"
#: Tokens have their providers' shapes: by nothing else could one be known that a refusal quotes.
PTKN, JWT, HEX = "ptkn_canary0token", "eyJjYW5hcnk.e30.c2ln", ENTRY["access_token"]
SECONDS = 15.0

varied = settings(
    deadline=None,
    derandomize=False,
    print_blob=True,
    database=None,
    max_examples=2_000 if LONG else 40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

CHICKSX_DATA = {
    "accessToken": JWT,
    "tokenType": "Bearer",
    "expiresIn": 3600,
    "expiresAt": int(NOW) + 3600,
    "scope": ["wallet.read"],
    "jti": "6a1f1d0e",
}
FOURTHWALL = [{"token": PTKN}, {"code": "SOME_CODE", "message": "words"}]
CHICKSX = [
    {"code": "OK", "data": CHICKSX_DATA, "message": "Created"},
    {"code": "INVALID_INPUT", "message": "words"},
]
REST = [
    {"storefront_access_token": ENTRY},
    {"storefront_access_tokens": [ENTRY, {**ENTRY, "id": 7, "title": "Another"}]},
    {"errors": {"title": ["words", ["words"]]}},
    {"errors": "words"},
    {},
]
COST = {"requestedQueryCost": 11, "throttleStatus": {"currentlyAvailable": 1, "restoreRate": 100}}
GRAPHQL = [
    {"data": {"storefrontAccessTokenDelete": {"deletedStorefrontAccessTokenId": NODE["id"], "userErrors": []}}},
    *(
        said.json()
        for said in (
            created(),
            user_errors("storefrontAccessTokenDelete", "words"),
            page(NODE),
            top_level("THROTTLED", "words", cost=COST),
            top_level("ACCESS_DENIED", "words"),
        )
    ),
]
OAUTH = [
    {"access_token": BOUGHT, "scope": "write", "expires_in": 86399},
    {"error": "invalid_client", "error_description": "words"},
]


class Bench:
    """A provider's client on a clock that stands still, before a provider that plays what is given."""

    def __init__(self, *played: Played) -> None:
        self.clock = MovableClock()
        self.telemetry = RecordingTelemetry()
        self.deadline = Deadline.after(self.clock, SECONDS)
        self.transport = PlayingTransport(self.clock, self.deadline.at, *played)
        self.http = HttpClient(self.clock, self.transport, self.telemetry.observe, jitter=lambda: 1.0)

    def ask[T](self, call: Callable[[], T], hidden: Sequence[str]) -> T | None:
        """Return what the client gave, or None where it failed as it may."""
        answer, failure = None, None
        try:
            answer = call()
        except ProviderFailure as error:
            failure = error
        assert self.clock.monotonic() <= self.deadline.at + 1e-6, "it took longer than there was time"
        shown = [repr(self.transport.sent), repr(self.telemetry.notices), repr(self.telemetry.tries), repr(answer)]
        if failure is not None:
            shown.append(check_failure(failure))
        found = [value for value in hidden if any(value.casefold() in text.casefold() for text in shown)]
        assert found == []
        return answer


def check_failure(failure: BrokerError) -> str:
    """All that can be seen of a failure; it can be sent, and asks nobody to wait for ever."""
    assert isinstance(failure, ProviderFailure)
    assert isinstance(failure.request_outcome, RequestOutcome)
    problem = json.dumps(failure.problem("request-1"), ensure_ascii=False)
    problem.encode()
    assert len(problem) < 3000
    if failure.retry_after is not None:
        assert math.isfinite(failure.retry_after)
        assert 1 <= (failure.retry_after_seconds or 0) <= 86_400
    return f"{problem} {failure!r} {''.join(traceback.format_exception(failure))}"


def check_minted(minted: ProviderToken, secrets: Sequence[str]) -> None:
    """Check that the token can be stored, sent in a header, and shown."""
    value = minted.access_token
    assert 0 < len(value) <= TOKEN_LIMIT
    assert all("!" <= char <= "~" for char in value)
    assert value not in secrets
    assert 0 < len(minted.token_id) <= 256
    assert minted.token_id.isascii()
    assert minted.token_id.isprintable()
    assert minted.token_type
    assert minted.token_type.isprintable()
    assert all(scope.isprintable() for scope in minted.scope)
    assert 0 <= minted.issued_at <= NOW + SECONDS
    if minted.expires_at is not None:
        assert NOW < minted.expires_at <= NOW + SECONDS + MAX_LIFETIME
    assert minted.title is None or len(minted.title) <= 1024
    json.dumps([minted.title, dict(minted.provider_data)], allow_nan=False, ensure_ascii=False).encode()


def account_of(provider: Any, secret: dict[str, str]) -> Account:
    account = provider.account("acme", secret)
    assert isinstance(account, Account)
    assert not any(value in repr(account) for value in account.secrets())
    return account


def played(honest: Sequence[Any], token: str, *secrets: str) -> st.SearchStrategy[list[Played]]:
    return st.lists(exchanges(honest, secrets, token), min_size=1, max_size=3)


@varied
@given(played(FOURTHWALL, PTKN, "fw-canary-user", PASSWORD))
def test_fourthwalls_token_is_checked_or_refused(said: list[Played]) -> None:
    secrets = ("fw-canary-user", PASSWORD)
    bench = Bench(*said)
    provider = Fourthwall(bench.http, "https://api.fourthwall.com")
    account = account_of(provider, {"username": secrets[0], "password": secrets[1]})

    minted = bench.ask(lambda: provider.mint(account, MintRequest(), bench.deadline), (*secrets, PTKN))

    if minted is not None:
        check_minted(minted, secrets)
        assert minted.token_id == fingerprint(minted.access_token)
        assert minted.expires_at is None


@varied
@given(played(CHICKSX, JWT, API_KEY, CLIENT_ID))
def test_chicksxs_token_is_checked_or_refused(said: list[Played]) -> None:
    secrets = (API_KEY, CLIENT_ID)
    bench = Bench(*said)
    provider = Chicksx(bench.http, "https://api.chicksx.com/v1")
    account = account_of(provider, {"apiKey": API_KEY, "clientId": CLIENT_ID})
    order = MintRequest(session_id="s-1", scope=("wallet.read",))

    minted = bench.ask(lambda: provider.mint(account, order, bench.deadline), (*secrets, JWT))

    assert len(bench.transport.sent) == 1, "a mint is never repeated"
    if minted is not None:
        check_minted(minted, secrets)
        assert minted.expires_at is not None


def shopify_on(bench: Bench, admin_api: str = "rest") -> Shopify:
    return Shopify(bench.http, "https://{shop}", version="2026-10", telemetry=bench.telemetry, admin_api=admin_api)


PERMANENT = {"shop": "acme.myshopify.com", "adminAccessToken": ADMIN}
EXCHANGED = {"shop": "acme.myshopify.com", "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}


@pytest.mark.parametrize(("admin_api", "honest"), [("rest", REST), ("graphql", GRAPHQL)])
@varied
@given(data=st.data(), operation=st.sampled_from(("mint", "list", "revoke")))
def test_shopifys_tokens_are_checked_or_refused(
    admin_api: str, honest: list[Any], data: st.DataObject, operation: str
) -> None:
    bench = Bench(*data.draw(played(honest, HEX, ADMIN)))
    provider = shopify_on(bench, admin_api)
    ask_shopify(bench, provider, account_of(provider, PERMANENT), operation, (ADMIN,))


@varied
@given(
    played(OAUTH, BOUGHT, CLIENT_ID, CLIENT_SECRET),
    played(REST, HEX, CLIENT_ID, CLIENT_SECRET, BOUGHT),
    st.booleans(),
)
def test_a_bought_admin_token_is_checked_or_refused(sold: list[Played], said: list[Played], bought: bool) -> None:
    """Bought with an honest answer, so that it is the storefront token's turn, or with any."""
    honest = Played(json_answer(200, OAUTH[0]), 0.0)
    bench = Bench(*([honest] if bought else sold), *said)
    provider = shopify_on(bench)
    account = account_of(provider, EXCHANGED)

    ask_shopify(bench, provider, account, "mint", (CLIENT_ID, CLIENT_SECRET, BOUGHT))

    for sent in bench.transport.sent:
        if admin := sent.request.headers.get("X-Shopify-Access-Token"):
            assert all("!" <= char <= "~" for char in admin)


def ask_shopify(bench: Bench, provider: Shopify, account: Account, operation: str, secrets: tuple[str, ...]) -> None:
    hidden = (*secrets, HEX)
    if operation == "revoke":
        bench.ask(lambda: provider.revoke(account, "1003304090", bench.deadline), hidden)
    elif operation == "list":
        for listed in bench.ask(lambda: provider.list_tokens(account, bench.deadline), hidden) or ():
            check_minted(listed.token, secrets)
            listed.title.encode()
    else:
        order = MintRequest(title="Kiosk [tb:abcdefgh:aaaaaaaaaaaaaaaaaaaaaaaaaa]")
        if (minted := bench.ask(lambda: provider.mint(account, order, bench.deadline), hidden)) is not None:
            check_minted(minted, secrets)
            assert minted.token_id.isdecimal()


def test_the_search_finds_a_value() -> None:
    bench = Bench(Played(json_answer(200, FOURTHWALL[0]), 0.0))
    bench.telemetry.notice("x", said=f"{API_KEY.upper()}")

    with pytest.raises(AssertionError, match="canary-api-key"):
        bench.ask(lambda: None, (API_KEY,))
