"""The capabilities that a provider declares agree with its behavior and with the tables of the providers' pages."""

import json
import re
from collections.abc import Mapping
from copy import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import token_broker
from tests.contract.exchanges import Exchange, load_exchanges
from tests.fakes.clock import NOW
from tests.fakes.lines import Line
from tests.fakes.shopify import ENTRY
from tests.fakes.surroundings import LISTING, ONE_TOKEN, SESSIONS, listing_stack, one_token_stack
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import json_answer
from tests.template_as_written import template
from tests.unit.repository.pages import rows
from token_broker import providers, wiring
from token_broker.domain.token import ProviderToken, RevocationStatus
from token_broker.errors import InvalidRequest
from token_broker.ports.provider import Capabilities, MintRequest, Provider
from token_broker.ports.work import OUTBOX
from token_broker.tokens.issue import session_token, standing_token
from token_broker.tokens.revoke import revoke

by_provider = pytest.mark.parametrize("name", wiring.PROVIDERS)


@cache
def documented(name: str) -> Exchange:
    """Return an exchange of the provider in which a token is made."""
    found = [each for each in load_exchanges(provider=name) if each.client and each.client["outcome"] == "token"]
    return next(each for each in found if not each.over_graphql)


def recorded(name: str) -> Mapping[str, Any]:
    """Return what the exchange says of our client, such as the merchant's secret."""
    recorded = documented(name).client
    assert recorded is not None
    return recorded


@pytest.fixture(autouse=True)
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in wiring.PROVIDERS:
        monkeypatch.setenv(f"{name.upper()}_BASE_URL", "https://provider.example")


def provider_of(name: str, line: Line) -> Provider:
    return wiring.provider_client(name, line.http, RecordingTelemetry())


def capabilities(name: str) -> Capabilities:
    return provider_of(name, Line()).capabilities


def minted(name: str) -> tuple[ProviderToken, str, str]:
    """Return a token of the provider, and the method and the body of the request for it."""
    status, _, response = documented(name).example_response()
    line = Line(json_answer(status, json.loads(response)))
    line.clock.advance(recorded(name).get("now", NOW) - NOW)
    provider = provider_of(name, line)
    account = provider.account("acme", recorded(name)["secret"])
    request = MintRequest(title="A title with its tag", session_id="session-1")
    made = provider.mint(account, request, line.deadline)
    return made, line.request.method, (line.request.body or b"").decode()


@by_provider
def test_a_client_has_the_methods_of_its_capabilities_and_no_others(name: str) -> None:
    provider, can = provider_of(name, Line()), capabilities(name)

    has = [hasattr(provider, method) for method in ("list_tokens", "revoke", "refresh")]
    assert has == [can.lists, can.revokes, can.renews]


@by_provider
def test_a_capability_has_the_capabilities_that_it_needs(name: str) -> None:
    can = capabilities(name)

    assert can.lists or not can.supports_title_tag, "the list finds a token by its tag"
    assert can.lists or can.limit is None, "at the limit, the list shows what would free a quota slot"
    assert (can.lists and can.revokes and can.supports_title_tag) or not can.rotates


@by_provider
def test_a_mint_is_as_the_capabilities_say(name: str) -> None:
    """Only a provider that makes no second token is asked again."""
    can = capabilities(name)

    made, method, body = minted(name)

    assert (made.expires_at is not None) == can.expires
    assert ("session-1" in body) == can.sessions
    assert ("A title with its tag" in body) == can.supports_title_tag
    assert (can.recheck_after is not None) == (method == "PUT")
    if can.supports_title_tag:
        line = Line(json_answer(200, {"storefront_access_tokens": [{**ENTRY, "title": "A title with its tag"}]}))
        provider: Any = provider_of(name, line)
        (listed,) = provider.list_tokens(provider.account("acme", recorded(name)["secret"]), line.deadline)
        assert listed.title == "A title with its tag"


def test_the_dispatcher_has_a_worker_for_each_provider_with_pending_work_and_for_no_other() -> None:
    working = {name for name in wiring.PROVIDERS if capabilities(name).has_pending_work}

    variables = template()["Resources"]["LifecycleDispatchFunction"]["Properties"]["Environment"]["Variables"]
    workers = {name.removeprefix("WORK_QUEUE_").lower() for name in variables if name.startswith("WORK_QUEUE_")}
    assert workers - {OUTBOX} == working


@by_provider
def test_the_table_has_the_capabilities_that_the_module_declares(name: str) -> None:
    (row,) = rows(f"docs/reference/providers/{name}.md", "Capabilities")
    can = capabilities(name)

    *words, recheck, limit = row
    declared = (can.lists, can.revokes, can.expires, can.rotates, can.sessions, can.supports_title_tag, can.renews)
    assert [word == "yes" for word in words] == list(declared)
    assert set(words) <= {"yes", "no"}
    hours = None if can.recheck_after is None else str(int(can.recheck_after // 3600))
    assert (re.findall(r"\d+", recheck) or [None]) == [hours]
    assert limit == ("-" if can.limit is None else str(can.limit))


@pytest.mark.parametrize(("fake", "name"), [(ONE_TOKEN, "fourthwall"), (SESSIONS, "chicksx"), (LISTING, "shopify")])
def test_the_fakes_have_the_capabilities_of_the_providers(fake: Capabilities, name: str) -> None:
    assert fake == capabilities(name)


# The product reads them


def test_a_token_that_cannot_be_revoked_is_reported_as_unsupported_and_stays() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "Kiosk", None)
    stack.provider.capabilities = replace(LISTING, revokes=False)
    calls = list(stack.store.calls)

    assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.UNSUPPORTED
    assert (stack.store.calls, stack.provider.revoked) == (calls, [])


def test_a_session_gets_no_token_from_a_provider_without_sessions() -> None:
    stack = one_token_stack()

    with pytest.raises(InvalidRequest):
        session_token(stack.call(), "acme", "s-1", None)
    assert (stack.provider.mints, stack.store.subjects) == ([], {})


def test_only_a_providers_own_modules_and_the_registry_have_its_name() -> None:
    own = [Path(providers.__path__[0]), Path(wiring.__file__)]
    named = re.compile(rf"""["']({"|".join(wiring.PROVIDERS)})["']""")
    core = [path for path in Path(token_broker.__path__[0]).rglob("*.py") if not {path, *path.parents} & set(own)]

    assert core
    assert {path.name: names for path in core if (names := named.findall(path.read_text()))} == {}
    assert set(named.findall(own[1].read_text())) == set(wiring.PROVIDERS), "the pattern finds the names"
