"""The functions themselves, each file run over a broker in memory: what comes in, what goes out."""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.deployed_function import Function
from tests.expected_functions import FUNCTIONS as EXPECTED
from tests.fakes.clock import NOW, MovableClock
from tests.fakes.documents import MemoryPolicies
from tests.fakes.events import CALLER, Context, api_event, queue_event, storefront_event
from tests.fakes.provider import ScriptedProvider, down
from tests.fakes.samples import minted
from tests.fakes.surroundings import ListingStack, Surroundings, listing_stack, one_token_stack, session_stack
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import parse, policy
from tests.unit.loading import FUNCTIONS, load
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.errors import Conflict, PreconditionFailed
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker.telemetry import PowertoolsTelemetry

SHOP = "https://shop.example"
PAGE = Grant(merchant="acme", origins=(SHOP,))
PROOF = Grant(merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=int(NOW) + 600, scopes=("read",))
CLIENT = Grant(merchant="acme", client_until=int(NOW) + 600)
ACME = {"merchant": "acme"}

type Make = Callable[[], PowertoolsTelemetry]


@dataclass
class Broker:
    """A stack in memory for each provider, and the trust policies."""

    fourthwall: Surroundings[ScriptedProvider] = field(default_factory=one_token_stack)
    chicksx: Surroundings[ScriptedProvider] = field(default_factory=session_stack)
    shopify: ListingStack = field(default_factory=listing_stack)
    policies: MemoryPolicies = field(default_factory=MemoryPolicies)


@pytest.fixture
def broker(put_in: Callable[..., None]) -> Broker:
    made = Broker()
    put_in("fourthwall", lambda request: made.fourthwall.call(request.caller, grant=request.grant))
    put_in("chicksx", lambda request: made.chicksx.call(request.caller, grant=request.grant))
    put_in("shopify", lambda request: made.shopify.listing_call(request.caller, grant=request.grant))
    telemetry = RecordingTelemetry()
    put_in("trust_policies", lambda request: TrustPolicies(made.policies, telemetry, parse, caller=request.caller))
    previews = PreviewOrigins(made.policies, MovableClock(), telemetry, caller="")
    put_in("preview_origins", lambda request: previews._replace(caller=request.caller))
    return made


def body(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])


#: Each signed call: the function, its request, the statuses of two calls in a row, and members of the answer.
CALLS: list[tuple[str, dict[str, Any], list[int], dict[str, Any]]] = [
    ("fourthwall/public_token", {}, [200, 200], {"tokenId": "1001"}),
    ("chicksx/public_token", {"body": {"sessionId": "s-1"}}, [201, 200], {"subject": "session:s-1"}),
    (
        "chicksx/close_session",
        {"path": {**ACME, "sessionId": "s%231"}, "body": {"orderId": "order-1"}},
        [200, 200],
        {"sessionId": "s#1", "closed": True, "closedAt": int(NOW), "orderId": "order-1"},
    ),
    ("chicksx/close_session", {"path": {**ACME, "sessionId": "s-1"}}, [200, 200], {"sessionId": "s-1", "closed": True}),
    ("shopify/storefront_access_token", {}, [200, 200], {"title": "Token Broker"}),
    (
        "shopify/create_storefront_access_token",
        {"body": {"title": "Blog"}, "headers": {"Idempotency-Key": ["k-1"]}},
        [201, 201],
        {"tokenId": "1001", "title": "Blog"},
    ),
    ("shopify/list_storefront_access_tokens", {}, [200, 200], {"used": 0, "limit": 100}),
    ("storefronts/put_trust_policy", {"body": policy()}, [201, 200], policy()),
]


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize(("folder", "event", "statuses", "members"), CALLS)
def test_a_signed_call_is_answered(
    folder: str, event: dict[str, Any], statuses: list[int], members: dict[str, Any]
) -> None:
    handler = load(folder)

    answers = [handler(api_event(**{"path": ACME, **event}), Context()) for _ in statuses]

    assert [answer["statusCode"] for answer in answers] == statuses
    assert body(answers[0]) == body(answers[1])
    assert body(answers[0]).items() >= members.items()


def test_fourthwalls_caller_may_pass_the_caches_by(broker: Broker) -> None:
    broker.fourthwall.provider.script = [minted("1"), minted("2")]
    handler = load("fourthwall/public_token")
    assert handler(ACME, Context())["tokenId"] == "1"
    broker.fourthwall.clock.advance(1)

    event = api_event(httpMethod="PUT", path=ACME, headers={"Cache-Control": ["no-cache"]})

    assert body(handler(event, Context()))["tokenId"] == "2"


def test_one_session_is_closed_through_every_door(broker: Broker) -> None:
    handler, order = load("chicksx/close_session"), {**ACME, "sessionId": "a/b é%25"}

    assert handler(order, Context())["closed"] is True
    assert handler(queue_event({**order, "orderId": "order-1"}), Context()) == {"batchItemFailures": []}
    through_api = handler(api_event(path={**ACME, "sessionId": "a%2Fb%20%C3%A9%2525"}), Context())

    assert through_api["statusCode"] == 200
    assert list(broker.chicksx.store.subjects) == [("acme", "session:a/b é%25")]


def test_shopifys_create_knows_who_asked(broker: Broker) -> None:
    load("shopify/create_storefront_access_token")(api_event(path=ACME, body={"title": "Blog"}), Context())

    assert broker.shopify.store.records["acme", "shop", "1001"].requested_by == CALLER


@pytest.mark.parametrize(("pending", "status", "word"), [(False, 200, "confirmed"), (True, 202, "pending")])
def test_shopifys_delete_says_whether_it_is_confirmed(broker: Broker, status: int, word: str, *, pending: bool) -> None:
    broker.shopify.provider.put(minted("5"), "Theirs")
    broker.shopify.provider.failures["revoke"] = [down()] if pending else []
    handler, path = load("shopify/delete_storefront_access_token"), {**ACME, "tokenId": "5"}

    with pytest.raises(Conflict):
        handler(path, Context())
    answer = handler(api_event(httpMethod="DELETE", path=path, query={"foreign": ["true"]}), Context())

    assert (answer["statusCode"], body(answer)) == (status, {"revocation": word})


def test_a_trust_policys_revision_and_precondition_are_passed_on(broker: Broker) -> None:
    put, get, delete = (load(f"storefronts/{operation}_trust_policy") for operation in ("put", "get", "delete"))

    assert put({**ACME, **policy()}, Context()) == {**policy(), "revision": 1}
    assert get(ACME, Context()) == {**policy(), "revision": 1}
    with pytest.raises(PreconditionFailed):
        put({**ACME, **policy(origins=[]), "ifMatch": '"7"'}, Context())
    with pytest.raises(PreconditionFailed):
        delete({**ACME, "ifMatch": '"7"'}, Context())
    assert broker.policies.stored["acme"].changed_by == "direct"
    assert delete({**ACME, "ifMatch": '"1"'}, Context()) == {"deleted": True}
    assert delete(ACME, Context()) == {"deleted": False}


@pytest.mark.usefixtures("broker")
def test_a_preview_origin_is_allowed_listed_and_removed_through_both_doors() -> None:
    origin = {"origin": "https://preview.example"}
    shown = {**origin, "expiresAt": int(NOW) + 3600}
    allow, shows, remove = (
        load(f"storefronts/{each}")
        for each in ("allow_preview_origin", "list_preview_origins", "remove_preview_origin")
    )
    load("storefronts/put_trust_policy")({**ACME, **policy()}, Context())

    allowed = allow(api_event(path=ACME, body={**origin, "expiresIn": 3600}), Context())
    assert (allowed["statusCode"], body(allowed)) == (201, shown)
    assert allow({**ACME, **origin, "expiresIn": 3600}, Context()) == shown
    assert body(shows(api_event(httpMethod="GET", path=ACME), Context())) == {"previewOrigins": [shown]}
    query = {"origin": [origin["origin"]]}
    removed = remove(api_event(httpMethod="DELETE", path=ACME, query=query), Context())
    assert (removed["statusCode"], body(removed)) == (200, {"deleted": True})
    assert remove({**ACME, **origin}, Context()) == {"deleted": False}
    assert shows(ACME, Context()) == {"previewOrigins": []}


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("seconds", [None, 3599, 1_209_601, 3600.0, "3600", True, -3600])
def test_a_preview_origin_is_allowed_for_an_hour_to_two_weeks(seconds: Any) -> None:
    sent = {"origin": "https://preview.example", "expiresIn": seconds}

    answer = load("storefronts/allow_preview_origin")(api_event(path=ACME, body=sent), Context())

    assert answer["statusCode"] == 400
    assert "a whole number of seconds from 3600 to 1209600" in body(answer)["detail"]


# Storefronts and clients at the same functions


@pytest.mark.parametrize("operation", ["fourthwall/public-token", "shopify/storefront-access-token"])
def test_a_page_gets_the_shops_token_and_not_a_second_time_what_it_has(broker: Broker, operation: str) -> None:
    handler = load(operation.replace("-", "_"))

    def ask(**headers: str) -> dict[str, Any]:
        sent = {"Origin": [SHOP], "Cache-Control": ["no-cache"], **{name: [each] for name, each in headers.items()}}
        event = storefront_event(operation=operation, headers=sent, authorizer=PAGE.as_context())
        return dict(handler(event, Context()))

    first = ask()
    again = ask(**{"If-None-Match": first["headers"]["ETag"]})

    assert (first["statusCode"], body(first)["tokenId"]) == (200, "1001")
    assert first["headers"]["Access-Control-Allow-Origin"] == SHOP
    assert (again["statusCode"], again["body"]) == (304, "")
    assert len(broker.fourthwall.provider.mints + broker.shopify.provider.mints) == 1


@pytest.mark.parametrize("operation", ["fourthwall/public-token", "shopify/storefront-access-token"])
def test_a_client_gets_the_shops_token_until_its_proof_ends(broker: Broker, operation: str) -> None:
    handler = load(operation.replace("-", "_"))

    def ask(until: float, merchant: str = "acme") -> dict[str, Any]:
        context = Grant(merchant=merchant, client_until=int(until)).as_context()
        sent = {"Cache-Control": ["no-cache"], "Origin": [SHOP]}
        event = storefront_event(route="clients", operation=operation, headers=sent, authorizer=context)
        return dict(handler(event, Context()))

    answers = [ask(NOW + 1), ask(NOW + 1), ask(NOW + 1, "other"), ask(NOW - 30)]

    assert [answer["statusCode"] for answer in answers] == [200, 200, 403, 401]
    assert body(answers[0])["tokenId"] == "1001"
    assert [each["headers"]["Cache-Control"] for each in answers] == ["private, max-age=30"] * 2 + ["no-store"] * 2
    assert not [name for each in answers for name in each["headers"] if name.startswith("Access-Control")]
    assert len(broker.fourthwall.provider.mints + broker.shopify.provider.mints) == 1


@pytest.mark.usefixtures("broker")
def test_a_session_with_its_proof_gets_its_token() -> None:
    handler = load("chicksx/public_token")

    def post(**asked: Any) -> dict[str, Any]:
        event = storefront_event(
            operation="chicksx/public-tokens",
            method="POST",
            body=asked,
            headers={"Origin": [SHOP]},
            authorizer=PROOF.as_context(),
        )
        return dict(handler(event, Context()))

    answers = [post(sessionId="s-1"), post(sessionId="s-1"), post(sessionId="s-2"), post(sessionId="s-1", scope=["x"])]

    assert [answer["statusCode"] for answer in answers] == [201, 200, 403, 403]
    assert {answer["headers"]["Access-Control-Allow-Origin"] for answer in answers} == {SHOP}


CLOSED = [
    (each, kind)
    for each in EXPECTED
    for kind in ("storefront", "clients")
    if not each.decides and not any(f" /{kind}/" in route for route in each.routes)
]


@pytest.mark.parametrize(("function", "kind"), CLOSED, ids=lambda each: getattr(each, "folder", each))
def test_a_function_without_a_route_for_storefronts_or_clients_refuses_them(
    monkeypatch: pytest.MonkeyPatch, make_telemetry: Make, function: Function, kind: str
) -> None:
    """Whatever the gateway were told to send there. Nothing is read, and nothing but telemetry is made."""
    monkeypatch.setattr(wiring, "PowertoolsTelemetry", lambda _name: make_telemetry())
    monkeypatch.setattr(wiring, "client", lambda service: pytest.fail(f"a client for {service} was made"))

    context = (CLIENT if kind == "clients" else PAGE).as_context()
    answer = load(function.folder)(storefront_event(route=kind, authorizer=context, body="no JSON"), Context())

    assert (answer["statusCode"], body(answer)["detail"]) == (403, "Such callers can only ask for the current token.")


WITH_A_ROUTE = [function for function in EXPECTED if function.routes or function.decides]


@pytest.mark.parametrize("function", WITH_A_ROUTE, ids=lambda function: function.folder)
def test_every_function_names_its_route(function: Function) -> None:
    if function.decides:
        served = {each for other in EXPECTED for each, who in other.routes.items() if who in function.decides}
        named = re.findall(r"([A-Z]+) (/\S+)…", load(function.folder).__doc__ or "")
        assert all(any(each.startswith(f"{verb} {start}") for verb, start in named) for each in served)
        assert all(any(each.startswith(f"{verb} {start}") for each in served) for verb, start in named)
    else:
        verb, route = (load(function.folder).__doc__ or "").split()[1:3]
        assert f"{verb} {route.rstrip(':.')}" == next(iter(function.routes))


def test_every_function_is_expected() -> None:
    assert sorted(path.parent.relative_to(FUNCTIONS).as_posix() for path in FUNCTIONS.glob("*/*/app.py")) == sorted(
        each.folder for each in EXPECTED
    )


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*/*/app.py")), ids=lambda path: path.parent.name)
def test_a_function_names_its_own_folder_in_the_log(path: Path) -> None:
    decorators = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]
    names = [each.args[1] for each in decorators if ast.unparse(each.func) == "entrypoint"]

    assert [ast.literal_eval(name) for name in names] in ([], [path.parent.relative_to(FUNCTIONS).as_posix()])
    assert names or path.parent.name.endswith("_authorizer")
