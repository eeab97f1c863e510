"""The capabilities that a provider declares agree with its behavior and with the table in docs/lifecycle.md."""

import re
from collections.abc import Mapping
from copy import replace
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.lines import Line
from tests.fakes.shopify import ENTRY, PERMANENT
from tests.fakes.surroundings import LISTING, ONE_TOKEN, SESSIONS, listing_stack, one_token_stack
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import Step, json_answer
from tests.template_as_written import template
from token_broker import wiring
from token_broker.domain.token import ProviderToken, RevocationStatus
from token_broker.errors import InvalidRequest
from token_broker.ports.provider import Capabilities, MintRequest, Provider
from token_broker.ports.work import OUTBOX
from token_broker.tokens.issue import session_token, standing_token
from token_broker.tokens.revoke import revoke

DOCUMENT = Path(__file__).parents[3] / "docs/lifecycle.md"
#: How each provider's client is made, by the arguments of the registry's lines.
REGISTRY = dict(each.args for each in vars(wiring).values() if isinstance(each, partial))
by_provider = pytest.mark.parametrize("name", REGISTRY)


@dataclass(frozen=True)
class Sample:
    """A merchant's secret, and the provider's documented response to a mint."""

    secret: Mapping[str, Any]
    response: Step


SAMPLES = {
    "fourthwall": Sample({"username": "u", "password": "p"}, json_answer(200, {"token": "ptkn_1"})),
    "chicksx": Sample(
        {"apiKey": "k", "clientId": "c"},
        json_answer(201, {"data": {"accessToken": "a.b.c", "tokenType": "Bearer", "expiresAt": int(NOW) + 3600}}),
    ),
    "shopify": Sample(PERMANENT, json_answer(200, {"storefront_access_token": ENTRY})),
}


@pytest.fixture(autouse=True)
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REGISTRY:
        monkeypatch.setenv(f"{name.upper()}_BASE_URL", "https://provider.example")


def provider_of(name: str, line: Line) -> Provider:
    made: Provider = REGISTRY[name](line.http, RecordingTelemetry())
    return made


def capabilities(name: str) -> Capabilities:
    return provider_of(name, Line()).capabilities


def minted(name: str) -> tuple[ProviderToken, str, str]:
    """Return a token of the provider, and the method and the body of the request for it."""
    sample, title = SAMPLES[name], "A title with its tag"
    line = Line(sample.response)
    provider = provider_of(name, line)
    account = provider.account("acme", sample.secret)
    made = provider.mint(account, MintRequest(title=title, session_id="session-1"), line.deadline)
    return made, line.request.method, (line.request.body or b"").decode()


def test_every_provider_has_a_sample() -> None:
    assert set(SAMPLES) == set(REGISTRY)


@by_provider
def test_a_client_has_the_methods_of_its_capabilities_and_no_others(name: str) -> None:
    provider, can = provider_of(name, Line()), capabilities(name)

    assert (hasattr(provider, "list_tokens"), hasattr(provider, "revoke")) == (can.lists, can.revokes)


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
        (listed,) = provider.list_tokens(provider.account("acme", SAMPLES[name].secret), line.deadline)
        assert listed.title == "A title with its tag"


@by_provider
def test_only_a_provider_that_makes_no_second_token_is_asked_again(name: str) -> None:
    _, method, _ = minted(name)

    assert (capabilities(name).recheck_after is not None) == (method == "PUT")


def test_the_dispatcher_has_a_worker_for_each_provider_with_pending_work_and_for_no_other() -> None:
    working = {maker.args[0] for maker in wiring.WITH_PENDING_WORK}
    can = {name: capabilities(name) for name in REGISTRY}

    variables = template()["Resources"]["LifecycleDispatchFunction"]["Properties"]["Environment"]["Variables"]
    workers = {name.removeprefix("WORK_QUEUE_").lower() for name in variables if name.startswith("WORK_QUEUE_")}
    assert workers - {OUTBOX} == working
    assert {name for name, each in can.items() if each.revokes or each.supports_title_tag} <= working


def test_the_profiles_and_the_registry_name_the_same_providers() -> None:
    assert {each.name: each.capabilities for each in wiring.profiles()} == {
        name: capabilities(name) for name in REGISTRY
    }


@by_provider
def test_the_table_has_the_capabilities_that_the_module_declares(name: str) -> None:
    table = DOCUMENT.read_text().partition("## What a provider can")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    header, _, *body = rows
    assert header[1:] == ["list", "revoke", "expiry", "rotation", "sessions", "look-up", "asked again", "at most"]
    described = {row[0].strip("`"): row[1:] for row in body}
    can = capabilities(name)

    assert set(described) == set(REGISTRY)
    *words, recheck, limit = described[name]
    declared = (can.lists, can.revokes, can.expires, can.rotates, can.sessions, can.supports_title_tag)
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
    named = re.compile(rf"""["']({"|".join(REGISTRY)})["']""")
    core = [path for path in layer.rglob("*.py") if "providers" not in path.relative_to(layer).parts]

    found = {path: named.findall(path.read_text()) for path in core if path != registry}
    assert {path: names for path, names in found.items() if names} == {}
    assert set(named.findall(registry.read_text())) == set(REGISTRY), "the pattern finds the names"
