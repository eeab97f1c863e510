"""The capabilities that a provider declares agree with its behavior and with the table in the README."""

import json
import re
from collections.abc import Mapping
from copy import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract.exchanges import Exchange, load_exchanges
from tests.fakes.clock import NOW
from tests.fakes.lines import Line
from tests.fakes.shopify import ENTRY
from tests.fakes.surroundings import LISTING, ONE_TOKEN, SESSIONS, listing_stack, one_token_stack
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import json_answer
from tests.template_as_written import template
from token_broker import wiring
from token_broker.domain.token import ProviderToken, RevocationStatus
from token_broker.errors import InvalidRequest
from token_broker.ports.provider import Capabilities, MintRequest, Provider
from token_broker.ports.work import OUTBOX
from token_broker.tokens.issue import session_token, standing_token
from token_broker.tokens.revoke import revoke

README = Path(__file__).parents[3] / "README.md"
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
def test_tokens_expire_if_that_is_declared(name: str) -> None:
    made, _, _ = minted(name)

    assert (made.expires_at is not None) == capabilities(name).expires


@by_provider
def test_the_provider_receives_the_session_if_it_has_sessions(name: str) -> None:
    _, _, body = minted(name)

    assert ("session-1" in body) == capabilities(name).sessions


@by_provider
def test_a_title_keeps_its_tag_if_a_lost_response_can_be_looked_up(name: str) -> None:
    _, _, body = minted(name)
    can = capabilities(name)

    assert ("A title with its tag" in body) == can.supports_title_tag
    if can.supports_title_tag:
        line = Line(json_answer(200, {"storefront_access_tokens": [{**ENTRY, "title": "A title with its tag"}]}))
        provider: Any = provider_of(name, line)
        (listed,) = provider.list_tokens(provider.account("acme", recorded(name)["secret"]), line.deadline)
        assert listed.title == "A title with its tag"


@by_provider
def test_only_a_provider_that_makes_no_second_token_is_asked_again(name: str) -> None:
    _, method, _ = minted(name)

    assert (capabilities(name).recheck_after is not None) == (method == "PUT")


def test_the_dispatcher_has_a_worker_for_each_provider_with_pending_work_and_for_no_other() -> None:
    working = {name for name in wiring.PROVIDERS if capabilities(name).has_pending_work}

    variables = template()["Resources"]["LifecycleDispatchFunction"]["Properties"]["Environment"]["Variables"]
    workers = {name.removeprefix("WORK_QUEUE_").lower() for name in variables if name.startswith("WORK_QUEUE_")}
    assert workers - {OUTBOX} == working


@by_provider
def test_the_table_has_the_capabilities_that_the_module_declares(name: str) -> None:
    table = README.read_text().partition("## Providers")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    header, _, *body = rows
    assert header[1:] == [
        "list",
        "revoke",
        "expiry",
        "rotation",
        "sessions",
        "look-up",
        "renewal",
        "asked again",
        "at most",
    ]
    described = {row[0].strip("`"): row[1:] for row in body}
    can = capabilities(name)

    assert set(described) == set(wiring.PROVIDERS)
    *words, recheck, limit = described[name]
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


def test_a_revocation_has_one_of_three_statuses() -> None:
    assert [each.value for each in RevocationStatus] == ["confirmed", "pending", "unsupported"]


def test_only_its_own_module_and_the_registry_have_a_providers_name() -> None:
    registry = Path(wiring.__file__)
    layer = registry.parent
    named = re.compile(rf"""["']({"|".join(wiring.PROVIDERS)})["']""")
    core = [path for path in layer.rglob("*.py") if "providers" not in path.relative_to(layer).parts]

    found = {path: named.findall(path.read_text()) for path in core if path != registry}
    assert {path: names for path, names in found.items() if names} == {}
    assert set(named.findall(registry.read_text())) == set(wiring.PROVIDERS), "the pattern finds the names"
